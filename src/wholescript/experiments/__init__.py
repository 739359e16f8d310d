"""Experiments: from settings and data to a stored run, found again by its key."""
