"""Tests of annotators/."""
