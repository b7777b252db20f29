"""Whisper: transcripts with word times, and the speech encoder that other systems share."""
