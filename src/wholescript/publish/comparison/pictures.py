"""Two pictures, pixel by pixel; to be asked only where what they plot agrees."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter

MIN_CHANNEL_DIFFERENCE = (
    32  # of 255 in any channel, after a blur: above what smoothed edges differ by
)
MIN_PIXEL_SHARE = 1e-4  # of the pixels: a word of the smallest print


def compare_images(stored: Path, again: Path) -> list[str]:
    """Return what differs between two picture files, in words; nothing where they look the same."""
    with Image.open(stored) as first, Image.open(again) as second:
        if first.size != second.size:
            (w, h), (a, b) = second.size, first.size
            return [f"{stored.name}: {w} x {h} pixels, were {a} x {b}"]
        difference = ImageChops.difference(_blurred(first), _blurred(second))
    share = float((np.asarray(difference).max(axis=-1) > MIN_CHANNEL_DIFFERENCE).mean())
    if share < MIN_PIXEL_SHARE:
        return []
    return [f"{stored.name}: {share:.2%} of the pixels differ, although the plotted data agree"]


def _blurred(picture: Image.Image) -> Image.Image:
    """Return the picture on white, a little blurred: edges are smoothed differently elsewhere."""
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    return paper.convert("RGB").filter(ImageFilter.BoxBlur(1))
