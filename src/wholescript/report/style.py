"""One style for all figures, and the settings that give the same bytes each time."""

import seaborn as sns

WIDTH = 7.0  # inches: the column of a page at 96 pixels an inch
HEIGHT = 4.2
DPI = 144  # of the PNG: sharp at one and a half times the width shown


def set_style() -> None:
    """Set the style of the report for every figure drawn after this call."""
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
