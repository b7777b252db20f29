"""The heatmap: layer × time values of an encoder on a canvas."""
