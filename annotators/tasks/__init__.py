"""Tasks: the rows that flags became, listed, played, counted and exported."""
