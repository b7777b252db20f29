"""Flags: what a person says is wrong in an answer, and the benchmark rows that it becomes."""
