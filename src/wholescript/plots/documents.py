"""Plots of document classifiers: training curves, cost, calibration, learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from wholescript.evaluation.calibration import calibration_curve
from wholescript.evaluation.document_metrics import ECE_BINS
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.plots.forest import interval_errors
from wholescript.plots.labels import label_lines, label_points, labels_height
from wholescript.plots.panels import reliability_panels
from wholescript.plots.style import OTHER, OTHERS, WIDTH, family_of, model_styles
from wholescript.plots.ticks import duration_ticks, percent, plain, plain_log_ticks, row_name

LINE_STYLES: dict[str, Any] = {"training": ":", "validation": "-"}
TITLE_WIDTH = 44  # characters of a title across a row of panels


def training_curves(histories: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """Draw loss and validation macro-F1 by epoch, a row of panels per model: means over its seeds.

    The validation curves of the other models are grey behind it.
    """
    means = {
        name: pd.concat(by_seed).groupby("epoch").mean(numeric_only=True)
        for name, by_seed in histories.items()
    }
    figure, panels = plt.subplots(
        len(means), 2, sharex=True, sharey="col", squeeze=False,
        figsize=(WIDTH, 1.55 * len(means) + 0.9),
    )  # fmt: skip
    for (loss_axes, f1_axes), (name, mean) in zip(panels, means.items(), strict=True):
        for other in means.values():
            if other is not mean:
                loss_axes.plot(other.index, other["val_loss"], **OTHERS)
                f1_axes.plot(other.index, other["val_macro_f1"], **OTHERS)
        _draw_losses(loss_axes, name, mean)
        f1_axes.plot(mean.index, mean["val_macro_f1"], color=family_of(name).color, marker=".")
        loss_axes.set_title(row_name(name, TITLE_WIDTH), loc="left")
        loss_axes.set(ylabel="cross-entropy,\nnats")
        f1_axes.set(ylabel="validation\nmacro-F1")
        f1_axes.yaxis.set_major_locator(MaxNLocator(4))
    panels[0, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel("epoch")
    _add_line_styles(figure)
    return figure


def error_against_training_time(table: pd.DataFrame) -> Figure:
    """Draw test error against training time: rows of `accuracy`, `low`, `high`, `seconds`."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0 + 0.25 * len(table)))
    styles = model_styles(list(map(str, table.index)))
    for row in table.itertuples():
        style = styles[str(row.Index)]
        bounds = [[max(row.high - row.accuracy, 0)], [max(row.accuracy - row.low, 0)]]
        axes.errorbar(
            row.seconds, 1 - row.accuracy, yerr=bounds, ms=6,
            **style._replace(linestyle="")._asdict(),
        )  # fmt: skip
    axes.set(xscale="log", xlabel="training time", ylabel="test error rate", ylim=(0, None))
    axes.margins(x=0.2)
    axes.yaxis.set_major_formatter(percent)
    duration_ticks(axes.xaxis)
    label_points(
        axes, list(map(str, table.index)), list(table["seconds"]),
        list(zip(1 - table["accuracy"], 1 - table["high"], 1 - table["low"], strict=True)),
        [styles[str(name)].color for name in table.index],
    )  # fmt: skip
    return figure


def accuracy_against(table: pd.DataFrame, label: str, *, named: bool = False) -> Figure:
    """Draw test accuracy (`value`, `low`, `high`) over `size`, on a log axis named `label`.

    With `named` each point is a model, the name of its row; else a line joins the points.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    names = list(map(str, table.index))
    color = family_of(names[0]).color if named else OTHER.color
    axes.errorbar(
        table["size"], table["value"], yerr=interval_errors(table), color=color, linewidth=1,
        marker=family_of(names[0]).marker if named else "o", linestyle="" if named else "-",
    )  # fmt: skip
    axes.set(xscale="log", xlabel=label, ylabel="test accuracy")
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(table["size"]))))
    axes.xaxis.set_major_formatter(plain)
    axes.xaxis.set_minor_locator(NullLocator())
    if named:
        axes.margins(x=0.3)
        intervals = list(zip(table["value"], table["low"], table["high"], strict=True))
        label_points(axes, names, list(table["size"]), intervals, [color] * len(names))
    return figure


def reliability_diagram(models: Mapping[str, DocumentPredictions]) -> Figure:
    """Draw accuracy against confidence in bins of equal mass, a panel per model."""
    curves = {}
    for name, predictions in models.items():
        if predictions.confidence is not None:
            correct = (predictions.predicted == predictions.labels).astype(np.int8)
            confidence = predictions.confidence.astype(np.float64)
            curves[name] = calibration_curve(correct, confidence, ECE_BINS)
    return reliability_panels(curves, "confidence", "accuracy")


def learning_curves(table: pd.DataFrame) -> Figure:
    """Draw test error by size: rows of `model`, `n_train`, `accuracy`, `low`, `high`."""
    names = list(dict.fromkeys(table["model"]))
    figure, axes = plt.subplots(figsize=(WIDTH, max(3.6, labels_height(names) + 0.9)))
    styles, lines = model_styles(names), []
    for name, rows in table.groupby("model", sort=False):
        curve = rows.sort_values("n_train")
        sizes, color = curve["n_train"], styles[str(name)].color
        lines += axes.plot(
            sizes, 1 - curve["accuracy"], label=row_name(str(name), 60), ms=5,
            **styles[str(name)]._asdict(),
        )  # fmt: skip
        axes.fill_between(sizes, 1 - curve["high"], 1 - curve["low"], color=color, alpha=0.15)
    axes.set(xscale="log", yscale="log", xlabel="training documents", ylabel="test error rate")
    plain_log_ticks(axes.xaxis)
    plain_log_ticks(axes.yaxis, as_percent=True)
    label_lines(axes, lines)
    return figure


def lm_training_curves(epochs: pd.DataFrame) -> Figure:
    """Draw the next-token loss of class-conditional language models by epoch.

    Columns `model`, `class`, `epoch`, `train_loss`, `val_loss`, in nats per token. A panel per
    model and class; the validation loss of the other models of the class is grey behind it.
    """
    models, classes = (list(dict.fromkeys(epochs[column])) for column in ("model", "class"))
    curves = {key: rows.set_index("epoch") for key, rows in epochs.groupby(["model", "class"])}
    n_columns = min(2, max(1, len(classes)))
    n_rows = max(1, -(-len(classes) // n_columns))  # of a model
    height = n_rows * max(1, len(models))  # without models an empty panel
    figure, panels = plt.subplots(
        height, n_columns, sharex=True, sharey=True, squeeze=False,
        figsize=(WIDTH, 1.9 * height + 0.9),
    )  # fmt: skip
    for axes in panels.flat:
        axes.set_axis_off()
    places = [(model, k) for model in models for k in range(n_rows * n_columns)]
    for axes, (model, k) in zip(panels.flat, places, strict=False):
        if k >= len(classes):
            continue
        axes.set_axis_on()
        for other in models:
            if other != model:
                axes.plot(curves[other, classes[k]]["val_loss"], **OTHERS)
        _draw_losses(axes, model, curves[model, classes[k]])
        if model == models[-1] and k + n_columns >= len(classes):
            axes.tick_params(labelbottom=True)  # also above an empty panel
        title = f"{model}\n{classes[k]}" if k == 0 else classes[k]
        axes.set_title(row_name(title, TITLE_WIDTH), loc="left")
    panels[0, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel("epoch")
    figure.supylabel("cross-entropy, nats per token")
    _add_line_styles(figure)
    return figure


def augmentation_curve(table: pd.DataFrame) -> Figure:
    """Draw the error-rate ratio to no augmentation by the number of added documents per real one.

    Columns `model`, `source` (`synthetic` or `real`), `n_added`, `n_real`, `error_ratio`, `low`,
    `high`. A panel per model; a line for added synthetic documents, open squares for real ones.
    """
    models = list(dict.fromkeys(table["model"]))
    n_rows = -(-len(models) // 2)
    figure, panels = plt.subplots(
        n_rows, 2, squeeze=False, sharex=True, sharey=True, figsize=(WIDTH, 2.1 * n_rows + 0.7)
    )
    for axes in panels.flat[len(models) :]:
        axes.set_axis_off()
    for axes, model in zip(panels.flat, models, strict=False):
        axes.axhline(1, color="0.5", linestyle=":", linewidth=1.2)
        family = family_of(model)
        for source, rows in table[table["model"] == model].groupby("source", sort=False):
            real = source == "real"
            axes.errorbar(
                rows["n_added"] / rows["n_real"], rows["error_ratio"],
                yerr=interval_errors(rows, "error_ratio"), ms=5, color=family.color,
                marker="s" if real else family.marker, linestyle=":" if real else "-",
                mfc="none" if real else None, label=source,
            )  # fmt: skip
        axes.set_title(row_name(model, 24))
    figure.supxlabel("added documents per real document")
    figure.supylabel("error-rate ratio to no augmentation")
    by_name = {
        name: handle
        for axes in panels.flat
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        by_name.values(), by_name, loc="outside upper center", ncols=2, title="added documents"
    )
    return figure


def _draw_losses(axes: Axes, name: str, losses: pd.DataFrame) -> None:
    """Draw the training and the validation loss of a model, indexed by epoch."""
    for column, style in (("train_loss", "training"), ("val_loss", "validation")):
        axes.plot(
            losses.index, losses[column], color=family_of(name).color, marker=".",
            linestyle=LINE_STYLES[style],
        )  # fmt: skip


def _add_line_styles(figure: Figure) -> None:
    """Name the dotted and the solid line of a model above the panels."""
    lines = [
        Line2D([], [], color="0.4", linestyle=style, label=f"{split} loss")
        for split, style in LINE_STYLES.items()
    ]
    figure.legend(handles=lines, loc="outside upper center", ncols=2)
