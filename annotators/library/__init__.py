"""What people gave, as sounds of the library."""
