"""Inputs of the models: tokens, word counts, and embeddings of whole scripts and documents."""
