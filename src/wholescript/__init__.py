"""Whole Script: a reproducible report on transformers for long documents."""

__version__ = "0.1.0"
