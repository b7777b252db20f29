"""Published checkpoints: which there are, how their files are brought here, and what fits into a memory."""
