"""Comparison by meaning of two outputs of the report, and of document classifiers."""
