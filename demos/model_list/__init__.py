"""The published models as a list: what each is and needs, and bringing them here."""
