"""How fast it is, always as a ratio against a named baseline timed in the same run (`make bench`)."""
