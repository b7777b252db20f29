"""What models do: networks, the hearing systems that stand on them, and the pages that show them."""
