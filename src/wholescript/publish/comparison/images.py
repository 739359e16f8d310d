"""Pixel comparison of two images, for figures whose plotted data agree."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter

# Of 255 in any channel, after a blur; above the differences of antialiased edges.
MIN_CHANNEL_DIFFERENCE = 32
MIN_PIXEL_SHARE = 1e-4  # share of the pixels; about one word in the smallest font


def compare_images(stored: Path, new: Path) -> list[str]:
    """Return messages on the differences of two image files; empty if they look the same."""
    with Image.open(stored) as first, Image.open(new) as second:
        if first.size != second.size:
            (w, h), (a, b) = second.size, first.size
            return [f"{stored.name}: {w} x {h} pixels, were {a} x {b}"]
        difference = ImageChops.difference(_blurred(first), _blurred(second))
    share = float((np.asarray(difference).max(axis=-1) > MIN_CHANNEL_DIFFERENCE).mean())
    if share < MIN_PIXEL_SHARE:
        return []
    return [f"{stored.name}: {share:.2%} of the pixels differ although the plotted data are equal"]


def _blurred(image: Image.Image) -> Image.Image:
    """Return the image on white, slightly blurred: antialiasing differs between machines."""
    background = Image.new("RGBA", image.size, "white")
    background.alpha_composite(image.convert("RGBA"))
    return background.convert("RGB").filter(ImageFilter.BoxBlur(1))
