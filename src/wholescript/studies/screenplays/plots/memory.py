"""Plots of the memory and the time of a training step."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from wholescript.plots.labels import label_lines
from wholescript.plots.style import SERIES_COLORS, WIDTH

STRATEGY_LABELS = {
    "full_backprop": "full backpropagation",
    "checkpointing": "activation checkpointing",
    "grad_cache": "gradient caching",
    "longformer": "Longformer",
    "mamba2": "Mamba-2",
}
COLORS = dict(zip(STRATEGY_LABELS, SERIES_COLORS, strict=True))
"""The same in all figures, however many are drawn."""


def cost_by_length(footprints: pd.DataFrame, column: str, label: str) -> Figure:
    """Draw a column of `footprint_table` against script length, a line for each model."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    lines = []
    for memory_strategy, rows in footprints.groupby("memory_strategy", sort=False):
        name = str(memory_strategy)
        lines += axes.plot(
            rows["n_tokens"] / 1000, rows[column], marker="o", ms=5, color=COLORS[name],
            label=STRATEGY_LABELS[name],
        )  # fmt: skip
    axes.set(xlabel="script length (thousand tokens)", ylabel=label)
    axes.set_ylim(bottom=0)
    label_lines(axes, lines, width=15)
    return figure
