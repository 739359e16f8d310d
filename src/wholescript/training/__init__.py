"""One training loop for every neural model."""
