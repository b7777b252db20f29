"""Votes: which of two answers is more faithful to the sound, also without knowing which is which."""
