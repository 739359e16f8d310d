"""Neural estimators of screenplays: MIL pooling of frozen embeddings, and end-to-end models."""
