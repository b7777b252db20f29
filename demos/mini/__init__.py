"""The embedded suite: a world of synthetic sound, models trained on it, and their evaluation."""
