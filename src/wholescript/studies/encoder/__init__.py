"""The encoder study: an encoder trained from scratch, and the label-sorted split."""

from pathlib import Path

RECIPE = Path(__file__).parent / "recipe.yaml"
"""The runs of the study."""
