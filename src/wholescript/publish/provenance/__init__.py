"""Provenance of outputs: fingerprints of notebooks, provenance records of figures and tables."""
