"""Plots of films, labels and words."""

import itertools
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from wholescript.data.films.summary import positive_rates
from wholescript.features.word_counts import WordCounts
from wholescript.plots.text import literal


def length_histogram(tokens: NDArray[np.int64], contexts: Sequence[int]) -> Figure:
    """Draw the lengths of scripts, (n,) tokens, with lines at the context lengths of models."""
    figure, axes = plt.subplots()
    start = max(min(*contexts, tokens.min()), 1)  # a title has fewer tokens than any context
    bins = np.geomspace(start * 0.8, tokens.max() * 1.1, 60).tolist()
    axes.hist(tokens, bins=bins, color="C0")
    for context in contexts:
        axes.axvline(context, color="C1", linestyle="--", linewidth=1.2)
        axes.text(context, 0.98, f" {context:,}", transform=axes.get_xaxis_transform(), va="top")
    axes.set(xscale="log", xlabel="GPT-2 tokens in the script", ylabel="films")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure


def positive_rate_by(by: pd.Series, labels: NDArray[np.int8], name: str) -> Figure:
    """Draw the number of films in each category of `by` (n,), and their rate of positives."""
    table = positive_rates(labels, by)
    figure, (above, below) = plt.subplots(2, 1, sharex=True, height_ratios=(1, 1.6))
    places = np.arange(len(table))
    above.bar(places, table["films"], color="C7")
    above.set(ylabel="films")
    _draw_rates(below, table)
    below.set(xlabel=name, ylabel="rate of positives")
    below.set_xticks(places, [str(value) for value in table.index])
    return figure


def label_rate_bars(table: pd.DataFrame) -> Figure:
    """Draw the rate of each label with its interval; `table` is that of `label_rates`."""
    figure, axes = plt.subplots(figsize=(7.0, 2.6))
    places = np.arange(len(table))[::-1]
    errors = [table["rate"] - table["low"], table["high"] - table["rate"]]
    axes.barh(places, table["rate"], xerr=errors, color="C0", height=0.6, ecolor="0.2")
    for place, row in zip(places, table.itertuples(), strict=True):
        axes.text(row.high, place, f"  {row.rate:.1%}, {row.positive:,} films", va="center")
    axes.set_yticks(places, [literal(str(name)) for name in table.index])
    axes.set(xlabel="rate among the films", xlim=(0, table["high"].max() * 1.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(axis="y", visible=False)
    return figure


def zipf(words: WordCounts) -> Figure:
    """Draw word frequency against rank, both logarithmic."""
    counts = np.sort(np.asarray(words.total.sum(0)).ravel())[::-1]
    figure, axes = plt.subplots(figsize=(7.0, 3.4))
    shown = np.unique(np.geomspace(1, len(counts), 300).astype(int)) - 1
    axes.plot(shown + 1, counts[shown])
    axes.set(xscale="log", yscale="log", xlabel="rank of the word", ylabel="occurrences")
    return figure


def keyness(table: pd.DataFrame, top: int) -> Figure:
    """Draw the `top` words of each class by Welch's t; `table` is that of `keyness`."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 0.24 * top + 1))
    for axes, part, color, title in (
        (left, table.tail(top).iloc[::-1], "C1", "used more in films not nominated"),
        (right, table.head(top), "C0", "used more in nominated films"),
    ):
        places = np.arange(len(part))[::-1]
        axes.barh(places, part["t"].abs(), color=color, height=0.7)
        axes.set_yticks(places, part["word"].map(literal).tolist())
        axes.set(title=title, xlabel="Welch's t")
        axes.grid(axis="y", visible=False)
    return figure


def positive_rate_by_confounder(
    films: pd.DataFrame, tokens: NDArray[np.int64], labels: NDArray[np.int8]
) -> Figure:
    """Draw the rate of positives by fifths of year and of length, and by source."""
    figure, panels = plt.subplots(1, 3, sharey=True, figsize=(7.0, 3.4))
    quintiles = {
        "year": _quintiles(films["year"]),
        "thousand tokens": _quintiles(pd.Series(tokens) / 1_000),
        "source": films["source"].astype(str),
    }
    for axes, (name, by) in zip(panels, quintiles.items(), strict=True):
        table = positive_rates(labels, by)
        _draw_rates(axes, table)
        axes.axhline(labels.mean(), color="0.5", linestyle=":", linewidth=1)
        axes.set(xlabel=name)
        axes.set_xticks(np.arange(len(table)), [str(value) for value in table.index])
        axes.tick_params(axis="x", rotation=60)
    panels[0].set(ylabel="rate of positives")
    sns.despine(figure)
    return figure


def _quintiles(values: pd.Series) -> pd.Series:
    """Return the fifth of each value, named by its bounds: fewer than five if values repeat."""
    bounds = np.unique(values.quantile(np.linspace(0, 1, 6)))
    if len(bounds) == 1:
        return pd.Series(f"{bounds[0]:g}", values.index, dtype="category")
    digits = 0  # as many as tell the bounds apart
    while len({f"{bound:.{digits}f}" for bound in bounds}) < len(bounds):
        digits += 1
    shown = [f"{bound:.{digits}f}" for bound in bounds]
    names = [f"{low}–{high}" for low, high in itertools.pairwise(shown)]  # noqa: RUF001
    return pd.cut(values, bounds, labels=names, include_lowest=True)


def _draw_rates(axes: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    errors = [table["rate"] - table["low"], table["high"] - table["rate"]]
    axes.errorbar(places, table["rate"], yerr=errors, fmt="o", color="C0", ecolor="0.4", ms=5)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(bottom=0)
