"""Banks: lists of labels that CLAP ranks."""
