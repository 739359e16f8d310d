"""What models read: tokens, word counts and chunk embeddings of whole scripts."""
