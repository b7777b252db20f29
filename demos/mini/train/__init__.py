"""Training of the mini suite: seeded, resumable stages on sound that the project makes itself."""
