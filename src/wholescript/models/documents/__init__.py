"""Classifiers of labelled documents that need no neural training loop: n-grams, sentence embeddings."""
