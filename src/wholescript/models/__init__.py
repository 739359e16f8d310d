"""Models, each readable on its own, from word counts to transformers over chunks."""
