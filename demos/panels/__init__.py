"""The panels of the Listen tab: what each system said, side by side."""
