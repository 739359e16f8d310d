"""Plots of what training costs in memory and time."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

STRATEGY_LABELS = {
    "whole": "C, everything at once",
    "recomputed": "A, recomputed",
    "cached": "A, cached",
}


def cost_by_length(footprints: pd.DataFrame, column: str, label: str) -> Figure:
    """Draw a column of the footprints against script length, a line a way."""
    figure, axes = plt.subplots(figsize=(7.0, 3.4))
    for memory_strategy, rows in footprints.groupby("way", sort=False):
        axes.plot(
            rows["tokens"] / 1000,
            rows[column],
            marker="o",
            label=STRATEGY_LABELS[str(memory_strategy)],
        )
    axes.set(xlabel="length of the script, thousand tokens", ylabel=label)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure
