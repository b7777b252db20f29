"""Layers: what moves inside an encoder while it hears, layer by layer."""
