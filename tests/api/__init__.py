"""Tests of what a program can ask of a page that is served."""
