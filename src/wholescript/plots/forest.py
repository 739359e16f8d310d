"""Forest plots: values with intervals, a row per name."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wholescript.plots.text import literal


def forest_plot(table: pd.DataFrame, label: str, *, reference: float | None = None) -> Figure:
    """Draw a value with its interval per row: index names, columns `value`, `low`, `high`.

    `label` is that of the x-axis; `reference` (chance, no difference) is drawn as a dotted line.
    """
    figure, axes = plt.subplots(figsize=(7.0, 0.34 * len(table) + 1.1))
    positions = np.arange(len(table))[::-1]
    errors = interval_errors(table)
    axes.errorbar(table["value"], positions, xerr=errors, fmt="o", color="C0", ecolor="0.4", ms=5)
    if reference is not None:
        axes.axvline(reference, color="0.5", linestyle=":", linewidth=1.2)
    axes.set_yticks(positions, [literal(str(name)) for name in table.index])
    axes.set(xlabel=label, ylim=(-0.6, len(table) - 0.4))
    axes.grid(axis="y", visible=False)
    return figure


def grouped_forest_plot(
    tables: Mapping[str, pd.DataFrame], label: str, *, reference: float | None = None
) -> Figure:
    """Draw a `forest_plot` of several tables, in a colour each, with one row per index name."""
    rows = list(dict.fromkeys(str(name) for table in tables.values() for name in table.index))
    figure, axes = plt.subplots(figsize=(7.0, 0.5 * len(rows) + 1.4))
    for number, (name, table) in enumerate(tables.items()):
        offset = ((len(tables) - 1) / 2 - number) * 0.3
        positions = [offset - rows.index(str(row)) for row in table.index]
        errors = interval_errors(table)
        axes.errorbar(table["value"], positions, xerr=errors, fmt="o", ms=5, label=literal(name))
    if reference is not None:
        axes.axvline(reference, color="0.5", linestyle=":", linewidth=1.2)
    axes.set_yticks(-np.arange(len(rows)), list(map(literal, rows)))
    axes.set(xlabel=label, ylim=(0.4 - len(rows), 0.6))
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(tables))
    return figure


def interval_errors(table: pd.DataFrame, column: str = "value") -> list["pd.Series[float]"]:
    """Return the error bars of `column` for matplotlib, from its bounds `low` and `high`."""
    return [table[column] - table["low"], table["high"] - table[column]]
