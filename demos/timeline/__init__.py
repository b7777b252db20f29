"""The timeline: one time axis over everything that is drawn of a clip."""
