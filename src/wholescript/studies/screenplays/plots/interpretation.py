"""Plots of occlusion along the script, of word effects and of topics."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from wholescript.plots.style import OTHER, WIDTH, family_of
from wholescript.plots.text import literal
from wholescript.plots.ticks import row_name

N_LABELLED = 12  # words at each end of a scatter plot that are named


def by_script_position(table: pd.DataFrame, label: str, *, reference_value: float) -> Figure:
    """Draw a value with its interval by part of the script, a panel for each model.

    `table` has the columns `model`, `part`, `value`, `low`, `high`; a dotted line marks
    `reference_value`.
    """
    models = list(dict.fromkeys(table["model"]))
    figure, panels = plt.subplots(1, len(models), sharey=True, figsize=(WIDTH, 3.2), squeeze=False)
    for axes, model in zip(panels[0], models, strict=True):
        part = table[table["model"] == model].sort_values("part")
        positions, color = (part["part"] + 0.5) / len(part), family_of(model).color
        axes.fill_between(positions, part["low"], part["high"], color=color, alpha=0.2)
        axes.plot(positions, part["value"], color=color)
        axes.axhline(reference_value, color="0.5", linestyle=":", linewidth=1.2)
        axes.set(title=row_name(model, 16), xlim=(0, 1))
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    figure.supxlabel("position in the script (0 = first page)")
    panels[0][0].set(ylabel=label)
    return figure


def keyness_scatter(table: pd.DataFrame) -> Figure:
    """Draw each word's effect for the predicted class against that for the true class.

    `table` is that of `compare_keyness`; two panels show the `N_LABELLED` words with the
    largest and the smallest `over`.
    """
    figure, panels = plt.subplot_mosaic(
        [["all", "all"], ["over", "under"]], figsize=(WIDTH, 7.2), height_ratios=(1.2, 1)
    )
    axes = panels["all"]
    # Rasterised: as vector shapes, the points would take a megabyte in the SVG.
    points = axes.scatter(
        table["true"], table["predicted"], s=3, color="0.6", alpha=0.4, linewidths=0
    )
    points.set_rasterized(True)
    axes.axline((0, 0), slope=1, color="0.5", linestyle=":", linewidth=1.2)
    axes.set(
        xlabel="effect, nominated films (Cohen's d)",
        ylabel="effect, films predicted positive (d)",
    )
    ends = {
        "over": (table.head(N_LABELLED), "C0", "films predicted nominated"),
        "under": (table.tail(N_LABELLED).iloc[::-1], "C1", "other films"),
    }
    for name, (part, color, title) in ends.items():
        axes.scatter(part["true"], part["predicted"], s=8, color=color, linewidths=0)
        places = range(len(part))[::-1]
        panels[name].barh(places, part["over"].abs(), color=color, height=0.7)
        panels[name].set_yticks(places, part["word"].map(literal).tolist())
        panels[name].set(title=title, xlabel="effect overstated by (d)")
        panels[name].grid(axis="y", visible=False)
    return figure


def topics(table: pd.DataFrame, rate: float) -> Figure:
    """Draw the rate of positives of each topic and the AUROC within it, NaN with too few films.

    The index of `table` has the topics; columns `rate`, `rate_low`, `rate_high` and `value`,
    `low`, `high` (AUROC). `rate` is that of all films.
    """
    figure, panels = plt.subplots(1, 2, sharey=True, figsize=(WIDTH, 0.46 * len(table) + 1.0))
    places = range(len(table))[::-1]
    sides = (
        ("rate", "rate_low", "rate_high", rate, "rate of\nnominated films"),
        ("value", "low", "high", 0.5, "AUROC\nwithin the topic"),
    )
    for axes, (value, low, high, reference, label) in zip(panels, sides, strict=True):
        errors = [table[value] - table[low], table[high] - table[value]]
        axes.errorbar(table[value], places, xerr=errors, fmt="o", color=OTHER.color, ms=5)
        axes.axvline(reference, color="0.5", linestyle=":", linewidth=1.2)
        axes.set(xlabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="y", visible=False)
    panels[0].xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panels[0].set_yticks(places, [row_name(str(name), 18) for name in table.index])
    return figure
