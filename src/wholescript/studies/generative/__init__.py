"""The generative study: one language model per class as a classifier."""
