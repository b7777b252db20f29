"""Where a sound comes from: the microphone, a file, or one of the shipped examples."""
