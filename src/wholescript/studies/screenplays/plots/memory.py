"""Plots of the memory and the time of a training step."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

STRATEGY_LABELS = {
    "full_backprop": "full backpropagation",
    "checkpointing": "activation checkpointing",
    "grad_cache": "gradient caching",
    "longformer": "Longformer",
    "mamba2": "Mamba-2",
}


def cost_by_length(footprints: pd.DataFrame, column: str, label: str) -> Figure:
    """Draw a column of `footprint_table` against script length, a line for each model."""
    figure, axes = plt.subplots(figsize=(7.0, 3.4))
    for memory_strategy, rows in footprints.groupby("memory_strategy", sort=False):
        axes.plot(
            rows["n_tokens"] / 1000,
            rows[column],
            marker="o",
            label=STRATEGY_LABELS[str(memory_strategy)],
        )
    axes.set(xlabel="script length (thousand tokens)", ylabel=label)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure
