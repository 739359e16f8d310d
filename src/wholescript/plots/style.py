"""The style of all figures: sizes, colours of model families, dark pages, reproducible bytes."""

import colorsys
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation, Text

WIDTH = 5.2  # inches, 499 CSS pixels: text of 10 points keeps 9 pixels on a page of 350
HEIGHT = 3.4
SMALLEST_TEXT = 10  # points
DARK_BACKGROUND = "#15181c"  # of the site's dark theme
DARK_FOREGROUND = "#e4e1db"
HEATMAP = "Blues"  # the colour map of shares from 0 to 1
HEATMAP_TEXT = ("black", "white")  # on shares up to a half, and above
DPI = 144  # of the PNG: 1.5 pixels per CSS pixel
MIN_CONTRAST = 4.5  # of text, by WCAG 2.2, level AA
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)))
"""Line styles of the models of one family on the same axes."""
OTHERS: dict[str, Any] = {"color": "0.8", "linewidth": 0.9}
"""The lines of the other models, behind those of the model of a panel."""


class Family(NamedTuple):
    """A family of models: its colours on light and on dark pages, and its marker.

    `pattern` is searched in display names; the first that matches in `_MATCHING_ORDER` counts.
    """

    name: str
    color: str
    dark: str
    marker: str
    pattern: str


FAMILIES = (
    Family(
        "controls", "#8a8a8a", "#8f8e8b", "X",
        r"alone$|^(length|year|source|title|opening)$|^metadata|shuffled|constant prediction",
    ),
    Family(
        "TF-IDF and n-grams", "#0173b2", "#58b4f5", "o",
        r"TF-IDF|(uni|bi|tri|n-)grams?\b|naive Bayes|NB-SVM|film measure",
    ),
    Family(
        "frozen embeddings", "#de8f05", "#f5c04f", "s",
        r"MiniLM|embeddings|pooling|(gated|linear) attention|query decoder|transformer encoder"
        r"|Longformer|Mamba-2|SmolLM2-135M, frozen|multiple-instance",
    ),
    Family("from scratch", "#029e73", "#35c79a", "^", r"from scratch|^encoder\b"),
    Family("fine-tuned", "#c23b22", "#ff7f6e", "D", r"fine-tun|LoRA|LP-FT"),
    Family(
        "language models", "#7b3fb5", "#bb86fc", "v",
        r"class-conditional|Bayes' rule|pruned SmolLM2|GPT"
        r"|^(?!n-grams).*(zero-shot|few-shot|answers|surprisal)",
    ),
    Family(
        "ensembles", "#3d3d3d", "#cfccc6", "P",
        r"ensemble|stacking|boosted trees|on n-gram logits|late fusion|gated attention \+",
    ),
)  # fmt: skip
"""The families of models in the order of legends; every figure draws a family in its colour."""

_CONTROLS, _COUNTS, _FROZEN, _SCRATCH, _FINETUNED, _LANGUAGE_MODELS, _ENSEMBLES = FAMILIES
_MATCHING_ORDER = (
    _ENSEMBLES, _CONTROLS, _LANGUAGE_MODELS, _FINETUNED, _SCRATCH, _COUNTS, _FROZEN,
)  # fmt: skip
OTHER = Family("other", "#566b84", "#9db2cc", "o", "")
"""Rows and lines that are not models."""
SERIES_COLORS = tuple(family.color for family in FAMILIES[1:6])
"""The colours C0 to C4, of series that are not models."""


class ModelStyle(NamedTuple):
    """How the lines and points of a model are drawn."""

    color: str
    marker: str
    linestyle: Any


def family_of(name: str) -> Family:
    """Return the family of a model by its display name; `OTHER` for what is no known model.

    >>> family_of("TF-IDF and all-MiniLM-L6-v2, linear ensemble").name
    'ensembles'
    """
    return next((f for f in _MATCHING_ORDER if re.search(f.pattern, name)), OTHER)


def families_of(names: Iterable[str]) -> list[Family]:
    """Return the families of models, each once, in the order of legends."""
    present = {family_of(name) for name in names}
    return [family for family in (*FAMILIES, OTHER) if family in present]


def model_styles(names: Sequence[str]) -> dict[str, ModelStyle]:
    """Return a style for each model: the colour of its family, and dashes if it has several.

    Series that are not models have the colours of `SERIES_COLORS`.
    """
    families, styles = [family_of(name) for name in names], {}
    for k, (name, family) in enumerate(zip(names, families, strict=True)):
        n_before = families[:k].count(family)
        if family is OTHER:
            color, dashes = SERIES_COLORS[n_before % len(SERIES_COLORS)], DASHES[0]
        else:
            color, dashes = family.color, DASHES[n_before % len(DASHES)]
        styles[name] = ModelStyle(color, family.marker, dashes)
    return styles


def contrast(color: Any, background: Any) -> float:
    """Return the contrast of two colours as WCAG defines it, from 1 to 21."""
    darker, lighter = sorted(map(_luminance, (color, background)))
    return (lighter + 0.05) / (darker + 0.05)


def text_color(color: Any, background: str = "white") -> str:
    """Return the nearest colour of the same hue with a contrast of `MIN_CONTRAST`.

    >>> text_color("#0173b2"), text_color("#de8f05")
    ('#0173b2', '#a46a04')
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*to_rgb(color))
    end = 0.0 if _luminance(background) > 0.5 else 1.0
    shades = (
        to_hex(colorsys.hls_to_rgb(hue, level, saturation))
        for level in np.linspace(lightness, end, 101)
    )
    return next(shade for shade in shades if contrast(shade, background) >= MIN_CONTRAST)


def _luminance(color: Any) -> float:
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def set_style() -> None:
    """Set the style of all figures drawn after this call."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        palette=SERIES_COLORS,
        rc={
            "figure.figsize": (WIDTH, HEIGHT),
            "figure.dpi": DPI,
            "figure.constrained_layout.use": True,
            "figure.constrained_layout.w_pad": 0.08,  # inches: keeps ticks of two panels apart
            "font.family": "DejaVu Sans",
            "font.size": SMALLEST_TEXT,
            "axes.titlesize": 10.5,
            "axes.labelsize": SMALLEST_TEXT,
            "figure.labelsize": SMALLEST_TEXT,
            "xtick.labelsize": SMALLEST_TEXT,
            "ytick.labelsize": SMALLEST_TEXT,
            "legend.fontsize": SMALLEST_TEXT,
            "legend.handlelength": 1.6,
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
    axes and grid keep their contrast. Families of models have dark pairs; other colours become
    brighter. Colour maps, and text on them, do not change.
    """
    on_maps = {text for axes in figure.axes if _has_colormap(axes) for text in axes.texts}
    for artist in figure.findobj():
        if isinstance(artist, Text) and artist not in on_maps:
            artist.set_color(text_color(_to_dark(artist.get_color()), DARK_BACKGROUND))
            if isinstance(artist, Annotation) and artist.arrow_patch is not None:
                _recolour(artist.arrow_patch, "edgecolor")
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
    # All are read before one is set: the colour of a marker may follow that of its line.
    colours = {name: getattr(artist, f"get_{name}")() for name in properties}
    for name, colour in colours.items():
        if not isinstance(colour, str) or colour not in ("none", "auto"):
            getattr(artist, f"set_{name}")(_to_dark(colour))


def _to_dark(colour: Any) -> tuple[float, float, float, float]:
    red, green, blue, alpha = to_rgba(colour)
    if pair := _dark_pairs().get(to_hex((red, green, blue))):
        return to_rgba(pair, alpha)
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if max(red, green, blue) - min(red, green, blue) < 0.1:
        paper, ink = np.array(to_rgb(DARK_BACKGROUND)), np.array(to_rgb(DARK_FOREGROUND))
        return to_rgba(tuple(paper * lightness + ink * (1 - lightness)), alpha)
    return to_rgba(colorsys.hls_to_rgb(hue, 0.3 + 0.65 * lightness, saturation), alpha)


@cache
def _dark_pairs() -> dict[str, str]:
    """Return the dark colour of each family, by its colour and by that of its text."""
    families = (*FAMILIES, OTHER)
    return {text_color(f.color): f.dark for f in families} | {f.color: f.dark for f in families}
