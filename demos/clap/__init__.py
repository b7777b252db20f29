"""CLAP: which of these texts fits the sound? (Elizalde et al., 2023; the msclap model family.)"""
