"""SALMONN: a language model that listens through two encoders and answers an instruction."""
