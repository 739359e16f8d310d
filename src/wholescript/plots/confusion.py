"""Which classes a document classifier confuses: error rates of few classes, matrices of many."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wholescript.evaluation.document_comparison import mean_confusion_matrix
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.plots.style import HEATMAP, SERIES_COLORS, WIDTH
from wholescript.plots.text import literal
from wholescript.plots.ticks import percent, row_name

MOST_CLASSES = 3  # whose error rates are drawn, a colour each
MARKERS = "osD"
LINE_HEIGHT = 0.19  # inches: of a line of text in the name of a row
N_COLUMNS = 2  # of confusion matrices


def confusion(models: Mapping[str, Sequence[DocumentPredictions]]) -> Figure:
    """Draw which classes are confused, means over the seeds of each model.

    Of at most `MOST_CLASSES` classes: the share of the documents of each class that are predicted
    as another, a row per model. Of more: a confusion matrix per model, in shares of the true class.
    """
    shares = {}
    for name, by_seed in models.items():
        counts = mean_confusion_matrix(by_seed)
        shares[name] = counts.div(counts.sum(axis=1), axis=0)
    first = next(iter(shares.values()))
    return _error_rates(shares) if len(first) <= MOST_CLASSES else _matrices(shares)


def _error_rates(shares: Mapping[str, pd.DataFrame]) -> Figure:
    errors = pd.DataFrame({name: 1 - np.diag(table) for name, table in shares.items()})
    errors = errors[errors.mean().sort_values(kind="stable").index]
    classes = next(iter(shares.values())).index
    rows = [row_name(name) for name in errors]
    row_height = LINE_HEIGHT * max(row.count("\n") + 1 for row in rows) + 0.1
    figure, axes = plt.subplots(figsize=(WIDTH, row_height * len(rows) + 1.3))
    positions = np.arange(len(shares))[::-1]
    axes.hlines(positions, errors.min(), errors.max(), color="0.75", linewidth=1.2, zorder=1)
    handles = []
    for number, marker in zip(range(len(classes)), MARKERS, strict=False):
        handles += axes.plot(
            errors.iloc[number], positions, linestyle="", marker=marker, ms=6,
            color=SERIES_COLORS[number],
        )  # fmt: skip
    axes.set_yticks(positions, rows)
    axes.set(xlabel="share of the class predicted as another", ylim=(-0.6, len(shares) - 0.4))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(percent)
    axes.grid(axis="y", visible=False)
    names = [row_name(str(name)) for name in classes]
    figure.legend(handles, names, title="true class", loc="outside upper center", ncols=len(names))
    return figure


def _matrices(shares: Mapping[str, pd.DataFrame]) -> Figure:
    n_columns = min(N_COLUMNS, len(shares))
    n_rows = -(-len(shares) // n_columns)
    figure, panels = plt.subplots(
        n_rows, n_columns, figsize=(WIDTH, 2.7 * n_rows + 0.8), squeeze=False, sharex=True,
        sharey=True,
    )  # fmt: skip
    for axes in panels.flat[len(shares) :]:
        axes.set_axis_off()
    for position, (name, table) in enumerate(shares.items()):
        axes = panels.flat[position]
        named = table.rename(index=literal, columns=literal)
        sns.heatmap(named, cmap=HEATMAP, vmin=0, vmax=1, cbar=False, square=True, ax=axes)
        axes.set(xlabel="", ylabel="")
        axes.set_title(row_name(name, 24))
        axes.tick_params(labelbottom=position + n_columns >= len(shares))
    figure.supxlabel("predicted class")
    figure.supylabel("true class")
    return figure
