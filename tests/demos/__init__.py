"""Tests of what models do."""
