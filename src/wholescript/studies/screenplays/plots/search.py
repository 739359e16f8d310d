"""Plots of a search over the choices of a training."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

N_COLUMNS = 3
MAX_CATEGORIES = 6
"""Up to so many values of a choice are drawn side by side; more are an axis of their own."""

TRIAL_STYLE: dict[str, Any] = {
    "marker": "o",
    "linestyle": "",
    "color": "0.6",
    "ms": 3,
    "alpha": 0.6,
}
MEDIAN_STYLE: dict[str, Any] = {"marker": "D", "color": "C0", "ms": 5}


def score_by_hyperparameter(
    trials: pd.DataFrame, hyperparameters: Mapping[str, bool], score: str, label: str
) -> Figure:
    """Draw the score of every trial by each choice, a panel each, with medians.

    `trials` has a row a trial, with gaps where a choice did not apply; `hyperparameters` says of each
    choice whether its axis is logarithmic. Where a choice has many values the medians are those of
    thirds of the trials.
    """
    rows = -(-len(hyperparameters) // N_COLUMNS)
    figure, panels = plt.subplots(
        rows, N_COLUMNS, sharey=True, figsize=(7.0, 2.1 * rows), squeeze=False
    )
    for axes, (name, log) in zip(panels.flat, hyperparameters.items(), strict=False):
        applied = trials.dropna(subset=[name])
        if applied[name].nunique() <= MAX_CATEGORIES:
            _draw_categorical(axes, applied[name], applied[score])
        else:
            _draw_numeric(axes, applied[name].astype(float), applied[score])
            axes.set_xscale("log" if log else "linear")
        axes.set(xlabel=name.replace("_", " "))
    for axes in panels.flat[len(hyperparameters) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set(ylabel=label)
    return figure


def _draw_categorical(axes: Axes, values: pd.Series, scores: pd.Series) -> None:
    levels = sorted(values.unique())
    axes.plot([levels.index(value) for value in values], scores, **TRIAL_STYLE)
    axes.plot(range(len(levels)), scores.groupby(values).median()[levels], **MEDIAN_STYLE)
    words = [str(level).replace("_", "\n").removesuffix(".0") for level in levels]
    axes.set_xticks(range(len(levels)), words)
    axes.set(xlim=(-0.5, len(levels) - 0.5))


def _draw_numeric(axes: Axes, values: pd.Series, scores: pd.Series) -> None:
    thirds = pd.qcut(values, 3, labels=False, duplicates="drop")
    axes.plot(values, scores, **TRIAL_STYLE)
    axes.plot(values.groupby(thirds).median(), scores.groupby(thirds).median(), **MEDIAN_STYLE)
