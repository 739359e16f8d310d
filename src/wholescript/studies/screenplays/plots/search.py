"""Plots of a hyperparameter search."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wholescript.plots.style import WIDTH
from wholescript.plots.ticks import plain_log_ticks

N_COLUMNS = 2
MAX_CATEGORIES = 6
"""A hyperparameter with at most this many values is drawn as categories, else on an axis."""

TRIAL_STYLE: dict[str, Any] = {
    "marker": "o",
    "linestyle": "",
    "color": "0.6",
    "ms": 3,
    "alpha": 0.6,
}
DISPLAY_NAMES = {
    "surrogate R2": "all together (R²)",
    "d_model": "width (d_model)",
    "d_feedforward": "feed-forward width",
    "n_head": "attention heads",
    "n_layer": "layers",
    "dimensions": "embedding dimensions",
}
"""Of hyperparameters whose name does not say it."""

MEDIAN_STYLE: dict[str, Any] = {"marker": "D", "color": "C0", "ms": 5}


def metric_by_hyperparameter(
    trials: pd.DataFrame, is_log_scale: Mapping[str, bool], metric: str, label: str
) -> Figure:
    """Draw the metric of every trial by each hyperparameter, a panel each, with medians.

    `trials` has a row for each trial, NaN where a hyperparameter was inactive; `is_log_scale` has
    each hyperparameter by name. The medians are those of each category, or
    of thirds of the trials.
    """
    rows = -(-len(is_log_scale) // N_COLUMNS)
    figure, panels = plt.subplots(
        rows, N_COLUMNS, sharey=True, figsize=(WIDTH, 2.0 * rows), squeeze=False
    )
    for axes, (name, log) in zip(panels.flat, is_log_scale.items(), strict=False):
        active = trials.dropna(subset=[name])
        if active[name].nunique() <= MAX_CATEGORIES:
            _draw_categorical(axes, active[name], active[metric])
        else:
            _draw_numeric(axes, active[name].astype(float), active[metric])
            axes.set_xscale("log" if log else "linear")
            if log:
                plain_log_ticks(axes.xaxis, narrow=True)
        axes.set(xlabel=hyperparameter_name(name))
    for axes in panels.flat[len(is_log_scale) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set(ylabel=label)
    return figure


def hyperparameter_name(name: str) -> str:
    """Return the display name of a hyperparameter.

    >>> hyperparameter_name("learning_rate"), hyperparameter_name("d_model")
    ('learning rate', 'width (d_model)')
    """
    return DISPLAY_NAMES.get(name, name.replace("_", " "))


def _draw_categorical(axes: Axes, values: pd.Series, scores: pd.Series) -> None:
    levels = sorted(values.unique())
    axes.plot([levels.index(value) for value in values], scores, **TRIAL_STYLE)
    axes.plot(range(len(levels)), scores.groupby(values).median()[levels], **MEDIAN_STYLE)
    labels = [str(level).replace("_", "\n").removesuffix(".0") for level in levels]
    axes.set_xticks(range(len(levels)), labels)
    axes.set(xlim=(-0.5, len(levels) - 0.5))


def _draw_numeric(axes: Axes, values: pd.Series, scores: pd.Series) -> None:
    thirds = pd.qcut(values, 3, labels=False, duplicates="drop")
    axes.plot(values, scores, **TRIAL_STYLE)
    axes.plot(values.groupby(thirds).median(), scores.groupby(thirds).median(), **MEDIAN_STYLE)
