"""Sound that knows its truth: a procedural world of events, speech, scenes and the words for them."""
