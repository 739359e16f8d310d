"""Plots of training: loss curves, best epochs, and attention by position in the script."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray
from scipy.stats import entropy

from wholescript.plots.labels import label_lines
from wholescript.plots.style import WIDTH, family_of, model_styles
from wholescript.plots.ticks import row_name


def loss_curves(histories: Mapping[str, pd.DataFrame], *, positive_rate: float) -> Figure:
    """Draw training and validation loss by epoch: median and interquartile range over all fits.

    Fits stop early, so later epochs have fewer of them. A dotted line is the entropy of the labels,
    the loss of a model that predicts `positive_rate` for every film; a model whose training loss
    ends above it is titled as not converged.
    """
    label_entropy = float(entropy([positive_rate, 1 - positive_rate]))
    columns = min(2, len(histories))
    rows = -(-len(histories) // columns)
    size = (WIDTH, 1.2 + 2.3 * rows)
    figure, panels = plt.subplots(rows, columns, sharey=True, figsize=size, squeeze=False)
    for unused in panels.flat[len(histories) :]:
        unused.remove()
    for axes, (name, history) in zip(panels.flat, histories.items(), strict=False):
        for column, color, label in (
            ("train_loss", "C1", "training films"),
            ("val_loss", "C0", "validation films (inner fold)"),
        ):
            by_epoch = history.groupby("epoch")[column]
            quartiles = by_epoch.quantile([0.25, 0.5, 0.75]).unstack()
            epochs = quartiles.index
            axes.fill_between(epochs, quartiles[0.25], quartiles[0.75], color=color, alpha=0.2)
            axes.plot(epochs, quartiles[0.5], color=color, marker=".", label=label)
        axes.axhline(label_entropy, color="0.5", linestyle=":", label="entropy of the labels")
        final_loss = history[history["epoch"] == history["epoch"].max()]["train_loss"].median()
        converged = final_loss < label_entropy
        title = row_name(name, 24)
        axes.set(title=title if converged else f"{title}\n(not converged)", xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for first in panels[:, 0]:
        first.set(ylabel="log loss (nats)")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def epochs_of_lowest_loss(history: pd.DataFrame) -> pd.Series:
    """Return the epoch with the lowest validation loss of each fit of a run's history."""
    fits = history.groupby(["repeat", "fold", "inner_fold"])
    return history.loc[fits["val_loss"].idxmin(), "epoch"]


def best_epochs(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the distribution of the epoch with the lowest validation loss, over all fits."""
    figure, panels = plt.subplots(
        len(histories), 1, sharex=True, sharey=True, squeeze=False,
        figsize=(WIDTH, 1.25 * len(histories) + 0.7),
    )  # fmt: skip
    last = max(int(history["epoch"].max()) for history in histories.values())
    for axes, (name, history) in zip(panels[:, 0], histories.items(), strict=True):
        shares = epochs_of_lowest_loss(history).value_counts(normalize=True)
        counts = shares.reindex(range(1, last + 1), fill_value=0.0)
        axes.bar(counts.index, counts, width=0.8, color=family_of(name).color)
        axes.set_title(row_name(name, 50))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="x", visible=False)
    panels[-1, 0].set(xlabel="best epoch", xlim=(0.3, last + 0.7))
    panels[-1, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supylabel("share of fits")
    return figure


def attention_by_position(profiles: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Draw the attention profiles of models, (n_bins,) each, by position in the script."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    styles, lines = model_styles(list(profiles)), []
    for name, profile in profiles.items():
        positions = (np.arange(len(profile)) + 0.5) / len(profile)
        lines += axes.plot(positions, profile, ms=4, label=name, **styles[name]._asdict())
    axes.axhline(1, color="0.5", linestyle=":", linewidth=1)
    axes.set(
        xlabel="position in the script (0 = first page)",
        ylabel="attention (1 = uniform)",
        ylim=(0, None),
    )
    label_lines(axes, lines, width=10)
    return figure
