"""The library: sounds that can be found by their likeness to a sound or a text."""
