"""Whole Script: reading texts that do not fit in memory, with evidence that anyone can rerun."""

__version__ = "0.1.0"
