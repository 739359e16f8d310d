"""Provenance of figures and tables: its records, written, embedded in images, and verified."""
