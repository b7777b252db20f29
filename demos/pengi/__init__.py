"""Pengi: sound and a prompt in, text out (Deshmukh et al., NeurIPS 2023)."""
