"""Plots of films, labels and words."""

import itertools
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from wholescript.data.films.summary import COLLECTIONS, positive_rates
from wholescript.features.word_counts import WordCounts
from wholescript.plots.forest import interval_errors
from wholescript.plots.style import OTHER, WIDTH
from wholescript.plots.text import literal
from wholescript.plots.ticks import plain_log_ticks, row_name

FEWEST_FILMS = 10  # of a collection with a row of its own


def length_histogram(tokens: NDArray[np.int64], contexts: Sequence[int]) -> Figure:
    """Draw the lengths of scripts, (n,) tokens, with lines at the context lengths of models."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    start = max(min(*contexts, tokens.min()), 1)  # a title has fewer tokens than any context
    bins = np.geomspace(start * 0.8, tokens.max() * 1.1, 60).tolist()
    axes.hist(tokens, bins=bins, color="C0")
    for context in contexts:
        axes.axvline(context, color="C1", linestyle="--", linewidth=1.2)
        axes.text(context, 0.98, f" {context:,}", transform=axes.get_xaxis_transform(), va="top")
    axes.set(xscale="log", xlabel="GPT-2 tokens in the script", ylabel="films")
    plain_log_ticks(axes.xaxis)
    return figure


def positive_rate_by(by: pd.Series, labels: NDArray[np.int8], name: str) -> Figure:
    """Draw the number of films in each category of `by` (n,), and their rate of positives."""
    table = positive_rates(labels, by)
    figure, (above, below) = plt.subplots(
        2, 1, sharex=True, height_ratios=(1, 1.6), figsize=(WIDTH, 4.2)
    )
    places = np.arange(len(table))
    above.bar(places, table["films"], color="0.55")
    above.set(ylabel="films")
    errors = interval_errors(table, "rate")
    below.errorbar(places, table["rate"], yerr=errors, fmt="o", color=OTHER.color, ms=5)
    below.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    below.set_ylim(bottom=0)
    below.set(xlabel=name, ylabel="rate of positives")
    below.set_xticks(places, [str(value) for value in table.index])
    return figure


def label_rate_bars(table: pd.DataFrame) -> Figure:
    """Draw the rate of each label with its interval; `table` is that of `label_rates`."""
    table = table.sort_values("rate", ascending=False, kind="stable")
    figure, axes = plt.subplots(figsize=(WIDTH, 0.5 * len(table) + 0.8))
    places = np.arange(len(table))[::-1]
    errors = interval_errors(table, "rate")
    axes.barh(places, table["rate"], xerr=errors, color="C0", height=0.6, ecolor="0.2")
    for place, row in zip(places, table.itertuples(), strict=True):
        axes.text(row.high, place, f"  {row.rate:.1%}, {row.positive:,} films", va="center")
    axes.set_yticks(places, [row_name(str(name), 15) for name in table.index])
    axes.set(xlabel="rate among the films", xlim=(0, table["high"].max() * 1.8))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="y", visible=False)
    return figure


def zipf(words: WordCounts) -> Figure:
    """Draw word frequency against rank, both logarithmic."""
    counts = np.sort(np.asarray(words.total.sum(0)).ravel())[::-1]
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    shown = np.unique(np.geomspace(1, len(counts), 300).astype(int)) - 1
    axes.plot(shown + 1, counts[shown])
    axes.set(xscale="log", yscale="log", xlabel="rank of the word", ylabel="occurrences")
    plain_log_ticks(axes.xaxis)
    plain_log_ticks(axes.yaxis)
    return figure


def keyness(table: pd.DataFrame, top: int) -> Figure:
    """Draw the `top` words of each class by Welch's t; `table` is that of `keyness`."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 0.24 * top + 1.2))
    for axes, part, color, title in (
        (left, table.tail(top).iloc[::-1], "C1", "used more in films\nnot nominated"),
        (right, table.head(top), "C0", "used more in\nnominated films"),
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
    """Draw the rate of positives by fifths of year and of length, and by collection, a panel each.

    Collections with fewer than `FEWEST_FILMS` films are one row.
    """
    groups = {
        "fifths of year": _quintiles(films["year"]),
        "fifths of length, thousand tokens": _quintiles(pd.Series(tokens) / 1_000),
        "collection": _large_collections(films["source"]),
    }
    tables = {name: positive_rates(labels, by) for name, by in groups.items()}
    heights = [len(table) + 1 for table in tables.values()]
    figure, panels = plt.subplots(
        3, 1, sharex=True, figsize=(WIDTH, 0.3 * sum(heights) + 0.7), height_ratios=heights
    )
    for axes, (name, table) in zip(panels, tables.items(), strict=True):
        places = np.arange(len(table))[::-1]
        errors = interval_errors(table, "rate")
        axes.errorbar(table["rate"], places, xerr=errors, fmt="o", color=OTHER.color, ms=5)
        axes.axvline(labels.mean(), color="0.5", linestyle=":", linewidth=1)
        axes.set_yticks(places, [row_name(str(value)) for value in table.index])
        axes.set(title=name, ylim=(-0.6, len(table) - 0.4))
        axes.grid(axis="y", visible=False)
    panels[-1].set(xlabel="rate of positives", xlim=(0, None))
    panels[-1].xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def _large_collections(sources: pd.Series) -> pd.Series:
    """Return the collection of each film (n,), those with few films under one name."""
    names = sources.astype(str).replace(COLLECTIONS)
    is_small = names.map(names.value_counts()) < FEWEST_FILMS
    n_small = names[is_small].nunique()
    return names.mask(is_small, f"{n_small} others") if n_small > 1 else names


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
