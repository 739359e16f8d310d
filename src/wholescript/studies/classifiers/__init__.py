"""From scratch, fine-tuned or neither: classifiers of labelled texts and what they cost."""

from pathlib import Path

RECIPE = Path(__file__).parent / "recipe.yaml"
"""The runs of the study."""
