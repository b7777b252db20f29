"""Tests, laid out as the wings of the house: demos, annotators, store."""
