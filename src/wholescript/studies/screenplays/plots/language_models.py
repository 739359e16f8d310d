"""Figures of the scores of a language model."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wholescript.models.films.estimator import FilmDataset
from wholescript.plots.forest import interval_errors
from wholescript.plots.style import OTHER, WIDTH, model_styles
from wholescript.plots.ticks import row_name


def auc_by_windows(table: pd.DataFrame) -> Figure:
    """Draw the AUROC of each model against the windows read; see `auc_by_n_windows`."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    styles = model_styles(list(dict.fromkeys(table["model"])))
    for number, (model, rows) in enumerate(table.groupby("model", sort=False)):
        shifted = rows["n_windows"] * (1 + 0.04 * number)  # so that intervals do not cover another
        axes.errorbar(
            shifted, rows["value"], yerr=interval_errors(rows), label=model,
            **styles[str(model)]._asdict(),
        )  # fmt: skip
    ticks = sorted(table["n_windows"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.minorticks_off()
    axes.axhline(0.5, color="0.5", linestyle=":", linewidth=1.2)
    axes.set(xlabel="windows of each script", ylabel="AUROC")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def contamination(recall: pd.DataFrame, dataset: FilmDataset) -> Figure:
    """Draw how often the true title ranks first, and the longest runs of tokens predicted right."""
    figure, (left, right) = plt.subplots(2, 1, figsize=(WIDTH, 5.4), height_ratios=(1, 2))
    positions = np.arange(len(recall))[::-1]
    left.errorbar(
        recall["value"], positions, xerr=interval_errors(recall), fmt="o", color=OTHER.color
    )
    left.set_yticks(positions, [row_name(str(name), 20) for name in recall.index])
    n_titles = int(recall["n_titles"].max())
    left.axvline(1 / n_titles, color="0.5", linestyle=":", linewidth=1.2)
    left.set(xlabel=f"share of titles ranked first among {n_titles}", xlim=(0, 1))
    left.set_ylim(-0.6, len(recall) - 0.4)
    runs = dataset.films["longest_run"].to_numpy()
    for label, name in ((0, "not positive"), (1, "positive")):
        values = np.sort(runs[dataset.labels == label])
        right.step(values, 1 - np.arange(len(values)) / len(values), where="post", label=name)
    right.set(
        xlabel="longest run of tokens predicted right", ylabel="share of films\nwith it or longer"
    )
    right.legend()
    return figure
