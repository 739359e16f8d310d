"""Generative classifiers: a language model per class and Bayes' rule, and their baselines."""

from pathlib import Path

RECIPE = Path(__file__).parent / "recipe.yaml"
"""The runs of the study."""
