"""A local language model reads the scripts: scores, models of them, and what they show."""
