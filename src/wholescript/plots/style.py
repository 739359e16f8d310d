"""The style of all figures, and the settings that make them byte-reproducible."""

import colorsys
from collections.abc import Callable
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

WIDTH = 7.0  # inches: a page's column at 96 pixels per inch
HEIGHT = 4.2
DARK_BACKGROUND = "#15181c"  # of the site's dark theme
DARK_FOREGROUND = "#e4e1db"
HEATMAP = "Blues"  # the colour map of shares from 0 to 1
HEATMAP_TEXT = ("black", "white")  # on shares up to a half, and above
DPI = 144  # of the PNG: 1.5 pixels per CSS pixel


def set_style() -> None:
    """Set the style of all figures drawn after this call."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        palette="colorblind",
        rc={
            "figure.figsize": (WIDTH, HEIGHT),
            "figure.dpi": DPI,
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e6e6e6",
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "svg.fonttype": "path",
            "svg.hashsalt": "wholescript",
        },
    )


def to_dark_theme(figure: Figure) -> None:
    """Recolour a figure in place for a dark page.

    Greys are mapped to the range from the dark background to the light foreground, so that text,
    axes and grid keep their contrast; other colours become brighter. Colour maps, and text on them,
    do not change.
    """
    on_maps = {text for axes in figure.axes if _has_colormap(axes) for text in axes.texts}
    for artist in figure.findobj():
        if isinstance(artist, Text) and artist not in on_maps:
            _recolour(artist, "color")
        elif isinstance(artist, Line2D):
            _recolour(artist, "color", "markerfacecolor", "markeredgecolor")
        elif isinstance(artist, Patch):
            _recolour(artist, "facecolor", "edgecolor")
        elif isinstance(artist, Collection) and artist.get_array() is None:
            artist.set_facecolor([_to_dark(colour) for colour in artist.get_facecolor()])
            artist.set_edgecolor([_to_dark(colour) for colour in artist.get_edgecolor()])


def _has_colormap(axes: Any) -> bool:
    return bool(axes.get_images()) or any(c.get_array() is not None for c in axes.collections)


def _recolour(artist: Any, *properties: str) -> None:
    for name in properties:
        get: Callable[[], Any] = getattr(artist, f"get_{name}")
        if not isinstance(colour := get(), str) or colour not in ("none", "auto"):
            getattr(artist, f"set_{name}")(_to_dark(colour))


def _to_dark(colour: Any) -> tuple[float, float, float, float]:
    red, green, blue, alpha = to_rgba(colour)
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if max(red, green, blue) - min(red, green, blue) < 0.1:
        paper, ink = np.array(to_rgb(DARK_BACKGROUND)), np.array(to_rgb(DARK_FOREGROUND))
        return to_rgba(tuple(paper * lightness + ink * (1 - lightness)), alpha)
    return to_rgba(colorsys.hls_to_rgb(hue, 0.3 + 0.65 * lightness, saturation), alpha)
