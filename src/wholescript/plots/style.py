"""The style of all figures: sizes, colours of model families, dark pages, reproducible bytes."""

import colorsys
import re
from collections import Counter
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


MOST_SHADES = 10  # of a family in one figure that have dark pairs


class ModelStyle(NamedTuple):
    """How the lines and points of a model are drawn."""

    color: str
    marker: str


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
    """Return a style for each model: the colour of its family, in shades if there are several.

    Series that are not models have the colours of `SERIES_COLORS`.
    """
    families = {name: family_of(name) for name in names}
    sizes, seen = Counter(families.values()), Counter[Family]()
    styles = {}
    for name, family in families.items():
        k = seen[family]
        seen[family] += 1
        color = (
            SERIES_COLORS[k % len(SERIES_COLORS)]
            if family is OTHER
            else _shade(family.color, _levels(family, sizes[family])[k])
        )
        styles[name] = ModelStyle(color, family.marker)
    return styles


def _levels(family: Family, n: int) -> list[float]:
    """Return the shades of n models of a family: those nearest to the page are few, and weak."""
    few = {1: [0.0], 2: [0.0, -0.45], 3: [0.0, -0.5, 0.35]}
    levels = few[n] if n in few else np.linspace(0.4, -0.6, n).tolist()
    return [-level for level in levels] if family is _ENSEMBLES else levels  # black has no shade


def _shade(color: str, level: float) -> str:
    """Mix a colour with white (positive levels) or black: none of it at 0, that alone at 1."""
    end = np.ones(3) if level > 0 else np.zeros(3)
    red, green, blue = np.array(to_rgb(color)) * (1 - abs(level)) + end * abs(level)
    return to_hex((red, green, blue))


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
    axes and grid keep their contrast. Families of models, and their shades, have dark pairs; other
    colours become brighter. Colour maps, and text on them, do not change.
    """
    on_maps = {text for axes in figure.axes if _has_colormap(axes) for text in axes.texts}
    for artist in figure.findobj():
        if isinstance(artist, Text) and artist not in on_maps:
            _recolour(artist, "color")
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
    """Return the dark colour of each shade of a family: what is pale on paper is dim on black."""
    return {
        _shade(family.color, level): _shade(family.dark, -0.85 * level)
        for family in (*FAMILIES, OTHER)
        for n in range(1, MOST_SHADES + 1)
        for level in _levels(family, n)
    }
