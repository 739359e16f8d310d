"""Forest plots: values with intervals, a row per name, in the colours of the models' families."""

from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wholescript.plots.style import (
    WIDTH,
    Family,
    families_of,
    family_of,
    model_styles,
)
from wholescript.plots.ticks import row_name

REFERENCE: dict[str, Any] = {"color": "0.5", "linestyle": ":", "linewidth": 1.2}
PUBLISHED: dict[str, Any] = {"color": "0.35", "linestyle": "--", "linewidth": 1.2}
LABEL_WIDTH = 34  # characters of the label of the axis beside the longest names
LINE_HEIGHT = 0.19  # inches: of a line of text in the name of a row
MARGIN = 0.85  # inches: of the axis of values with its label


def forest_plot(
    table: pd.DataFrame,
    label: str,
    *,
    reference: float | None = None,
    published: Mapping[str, float] | None = None,
    in_order: bool = False,
    model: str | None = None,
) -> Figure:
    """Draw a value with its interval per row: index names, columns `value`, `low`, `high`.

    Args:
        table: The rows, by name.
        label: Of the x-axis.
        reference: Chance or no difference, drawn as a dotted line.
        published: Published values by name, drawn as dashed lines.
        in_order: Keep the order of the rows, where it means something, such as quarters of a
            script; else they are sorted by value, the highest first.
        model: The display name of the model of all rows, if their names are not models.
    """
    height = _height([table]) + 0.2 * len(published or {})
    figure, axes = plt.subplots(figsize=(WIDTH, height))
    families = _draw_rows(axes, table, in_order=in_order, model=model)
    _draw_references(axes, reference, published)
    axes.set(xlabel=row_name(label, LABEL_WIDTH))
    _add_legend(figure, families, axes)
    return figure


def stacked_forest_plot(tables: Mapping[str, pd.DataFrame], label: str) -> Figure:
    """Draw a `forest_plot` of each table in a panel of its own, titled with its name."""
    figure, panels = plt.subplots(
        len(tables), 1, squeeze=False, sharex=True,
        figsize=(WIDTH, _height(tables.values()) + 0.35 * len(tables)),
        height_ratios=[_row_height(table) * len(table) for table in tables.values()],
    )  # fmt: skip
    drawn: dict[Family, ErrorbarContainer] = {}
    for axes, (name, table) in zip(panels[:, 0], tables.items(), strict=True):
        drawn |= _draw_rows(axes, table)
        axes.set_title(row_name(name, 60))
    panels[-1, 0].set(xlabel=row_name(label, LABEL_WIDTH))
    _add_legend(figure, drawn, panels[0, 0])
    return figure


def grouped_forest_plot(
    tables: Mapping[str, pd.DataFrame],
    label: str,
    *,
    reference: float | None = None,
    in_order: bool = False,
) -> Figure:
    """Draw a `forest_plot` of several tables, in a colour each, with one row per index name.

    The rows are sorted by their mean value unless `in_order`.
    """
    means = pd.concat([table["value"].astype(float) for table in tables.values()])
    order = means.groupby(level=0, sort=False).mean()
    rows = list(map(str, (order if in_order else order.sort_values(ascending=False)).index))
    names = [row_name(row) for row in rows]
    row_height = max(0.45, LINE_HEIGHT * _most_lines(names) + 0.12)
    height = row_height * len(rows) + MARGIN + 0.25 * len(tables)
    figure, axes = plt.subplots(figsize=(WIDTH, height))
    styles = model_styles(list(tables))
    for number, (name, table) in enumerate(tables.items()):
        offset = ((len(tables) - 1) / 2 - number) * 0.3
        positions = [offset - rows.index(str(row)) for row in table.index]
        axes.errorbar(
            table["value"], positions, xerr=interval_errors(table), ms=5.5,
            label=row_name(name, 60), **styles[name]._replace(linestyle="")._asdict(),
        )  # fmt: skip
    _draw_references(axes, reference)
    axes.set_yticks(-np.arange(len(rows)), names)
    axes.set(xlabel=row_name(label, LABEL_WIDTH), ylim=(0.4 - len(rows), 0.6))
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    figure.legend(loc="outside lower center", ncols=1)
    return figure


def interval_errors(table: pd.DataFrame, column: str = "value") -> list["pd.Series[float]"]:
    """Return the error bars of `column` for matplotlib, from its bounds `low` and `high`.

    A bound on the wrong side of its value, by rounding, is drawn at the value.
    """
    sides = (table[column] - table["low"], table["high"] - table[column])
    return [side.clip(lower=0) for side in sides]


def _draw_rows(
    axes: Axes, table: pd.DataFrame, *, in_order: bool = False, model: str | None = None
) -> dict[Family, ErrorbarContainer]:
    """Draw the rows of a table; return the points of each family."""
    if not in_order:
        table = table.sort_values("value", ascending=False, kind="stable")
    positions = np.arange(len(table))[::-1]
    families = np.array([family_of(model or str(name)).name for name in table.index], dtype=object)
    drawn = {}
    for family in families_of([model] if model else map(str, table.index)):
        of_family = families == family.name
        part = table[of_family]
        drawn[family] = axes.errorbar(
            part["value"], positions[of_family], xerr=interval_errors(part), linestyle="",
            color=family.color, marker=family.marker, ms=5.5,
        )  # fmt: skip
    axes.set_yticks(positions, [row_name(str(name)) for name in table.index])
    axes.set(ylim=(-0.6, len(table) - 0.4))
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    return drawn


def _draw_references(
    axes: Axes, reference: float | None, published: Mapping[str, float] | None = None
) -> None:
    if reference is not None:
        axes.axvline(reference, **REFERENCE)
    for name, value in (published or {}).items():
        axes.axvline(value, label=row_name(name, 60), **PUBLISHED)


def _add_legend(figure: Figure, drawn: Mapping[Family, ErrorbarContainer], axes: Axes) -> None:
    """Name the families of models if there are several, and the published values."""
    handles: list[Any]
    handles, names = axes.get_legend_handles_labels()
    if len(drawn) > 1:
        handles, names = [*drawn.values(), *handles], [*(f.name for f in drawn), *names]
    if handles:
        longest = max(map(len, names))
        figure.legend(handles, names, loc="outside lower center", ncols=1 if longest > 28 else 2)


def _most_lines(names: list[str]) -> int:
    return max((name.count("\n") + 1 for name in names), default=1)


def _row_height(table: pd.DataFrame) -> float:
    return LINE_HEIGHT * _most_lines([row_name(str(name)) for name in table.index]) + 0.12


def _height(tables: Iterable[pd.DataFrame]) -> float:
    """Return the height of stacked panels with the legend of their families, in inches."""
    tables = list(tables)
    n_families = len(families_of(str(name) for table in tables for name in table.index))
    legend = 0.22 * -(-n_families // 2) if n_families > 1 else 0
    return sum(_row_height(table) * len(table) for table in tables) + MARGIN + legend
