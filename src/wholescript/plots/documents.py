"""Plots of document classifiers: training curves, cost, calibration, confusion, attribution."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from wholescript.evaluation.calibration import calibration_curve
from wholescript.evaluation.document_comparison import mean_confusion_matrix
from wholescript.evaluation.document_metrics import ECE_BINS
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.plots.forest import interval_errors
from wholescript.plots.style import HEATMAP
from wholescript.plots.text import literal

LINE_STYLES = "(dotted: training; solid: validation)"
MOST_CLASSES = 3  # of which a small confusion matrix shows counts, and that fit side by side


def training_curves(histories: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """Draw loss and validation macro-F1 by epoch, a line per model: means over its seeds."""
    figure, (loss_axes, f1_axes) = plt.subplots(1, 2, figsize=(7.0, 3.6))
    for number, (name, by_seed) in enumerate(histories.items()):
        mean = pd.concat(by_seed).groupby("epoch").mean(numeric_only=True)
        color = f"C{number}"
        loss_axes.plot(mean.index, mean["train_loss"], color=color, linestyle=":")
        loss_axes.plot(mean.index, mean["val_loss"], color=color)
        f1_axes.plot(mean.index, mean["val_macro_f1"], color=color, label=literal(name))
    loss_axes.set(xlabel="epoch", ylabel=f"cross-entropy, nats\n{LINE_STYLES}")
    f1_axes.set(xlabel="epoch", ylabel="validation macro-F1")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def error_against_training_time(table: pd.DataFrame) -> Figure:
    """Draw test error against training time: rows of `accuracy`, `low`, `high`, `seconds`."""
    figure, axes = plt.subplots(figsize=(7.0, 3.8))
    for number, row in enumerate(table.itertuples()):
        bounds = [[row.high - row.accuracy], [row.accuracy - row.low]]
        axes.errorbar(
            row.seconds, 1 - row.accuracy, yerr=bounds, fmt="o", color=f"C{number}",
            label=literal(row.Index),
        )  # fmt: skip
    axes.set(xscale="log", xlabel="training time, s", ylabel="test error rate", ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def accuracy_against(table: pd.DataFrame, label: str) -> Figure:
    """Draw test accuracy (`value`, `low`, `high`) over `size`, on a log axis named `label`."""
    figure, axes = plt.subplots(figsize=(6.0, 3.4))
    errors = interval_errors(table)
    axes.errorbar(table["size"], table["value"], yerr=errors, fmt="o-", linewidth=1)
    axes.set(xscale="log", xlabel=label, ylabel="test accuracy")
    return figure


def reliability_diagram(models: Mapping[str, DocumentPredictions]) -> Figure:
    """Draw accuracy against confidence in bins of equal mass, a line per model."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4))
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1)
    for name, predictions in models.items():
        if predictions.confidence is None:
            continue
        correct = (predictions.predicted == predictions.labels).astype(np.int8)
        bins = calibration_curve(correct, predictions.confidence.astype(np.float64), ECE_BINS)
        axes.plot(bins["predicted"], bins["observed"], marker="o", ms=4, label=literal(name))
    axes.set(xlabel="confidence", ylabel="accuracy")
    axes.legend()
    return figure


def confusion(models: Mapping[str, Sequence[DocumentPredictions]], n_columns: int = 4) -> Figure:
    """Draw confusion matrices, a panel per model: documents, and their share of the true class.

    With more than `MOST_CLASSES` classes the panels are larger and show colours only.
    """
    n_classes = len(next(iter(models.values()))[0].classes)
    is_large, width = n_classes > MOST_CLASSES, 2.0
    if is_large:
        n_columns, width = 2, 4.0
    n_rows = -(-len(models) // n_columns)
    figure, panels = plt.subplots(
        n_rows, n_columns, figsize=(width * n_columns, (width + 0.4) * n_rows), squeeze=False,
        sharex=True, sharey=True,
    )  # fmt: skip
    for axes in panels.flat[len(models) :]:
        axes.set_axis_off()
    for position, (name, by_seed) in enumerate(models.items()):
        axes = panels.flat[position]
        counts = mean_confusion_matrix(by_seed)
        shares = counts.div(counts.sum(axis=1), axis=0).rename(index=literal, columns=literal)
        cells = counts.map("{:,.0f}".format).to_numpy() + "\n" + shares.map("{:.1%}".format)
        sns.heatmap(
            shares, annot=None if is_large else cells, fmt="", cmap=HEATMAP, vmin=0, vmax=1,
            cbar=False, square=True, ax=axes, annot_kws={"fontsize": 8},
        )  # fmt: skip
        axes.set(xlabel="", ylabel="")
        title = fill(name, 36 if is_large else 18)  # long titles would overlap
        axes.set_title(literal(title), fontsize=10)
        axes.tick_params(labelbottom=position + n_columns >= len(models))
    figure.supxlabel("predicted class")
    figure.supylabel("true class")
    return figure


def learning_curves(table: pd.DataFrame) -> Figure:
    """Draw test error by size: rows of `model`, `n_train`, `accuracy`, `low`, `high`."""
    figure, axes = plt.subplots(figsize=(7.0, 4.2))
    for name, rows in table.groupby("model", sort=False):
        curve = rows.sort_values("n_train")
        sizes = curve["n_train"]
        (line,) = axes.plot(sizes, 1 - curve["accuracy"], marker="o", label=literal(name))
        axes.fill_between(
            sizes, 1 - curve["high"], 1 - curve["low"], color=line.get_color(), alpha=0.15
        )
    axes.set(xscale="log", yscale="log", xlabel="training documents", ylabel="test error rate")
    axes.legend()
    return figure


def lm_training_curves(epochs: pd.DataFrame) -> Figure:
    """Draw the next-token loss of class-conditional language models by epoch, a panel per class.

    Columns `model`, `class`, `epoch`, `train_loss`, `val_loss`, in nats per token.
    """
    classes = list(dict.fromkeys(epochs["class"]))
    n_columns = max(1, min(len(classes), MOST_CLASSES))  # without models an empty panel
    n_rows = max(1, -(-len(classes) // n_columns))
    figure, panels = plt.subplots(
        n_rows, n_columns, sharey=True, figsize=(7.0, 1.2 + 2.4 * n_rows), squeeze=False
    )
    for axes in panels.flat[len(classes) :]:
        axes.set_axis_off()
    for axes, name in zip(panels.flat, classes, strict=False):
        of_class = epochs[epochs["class"] == name]
        for number, (model, rows) in enumerate(of_class.groupby("model", sort=False)):
            color = f"C{number}"
            axes.plot(rows["epoch"], rows["train_loss"], color=color, linestyle=":")
            axes.plot(
                rows["epoch"], rows["val_loss"], color=color, marker=".", label=literal(model)
            )
        axes.set(title=literal(name), xlabel="epoch")
    panels[0][0].set(ylabel=f"cross-entropy, nats per token\n{LINE_STYLES}")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def token_attribution(table: pd.DataFrame) -> Figure:
    """Draw the attribution of each token of a document as bars: columns `token`, `attribution`.

    A column `attention` is drawn in a second panel. An empty token is the end of the document.
    """
    panels = ["attribution", *(["attention"] if "attention" in table else [])]
    figure, all_axes = plt.subplots(
        len(panels), 1, sharex=True, figsize=(7.4, 1.9 * len(panels) + 0.9), squeeze=False
    )
    positions = np.arange(len(table))
    for axes, name in zip(all_axes[:, 0], panels, strict=True):
        colors = ["C0" if value >= 0 else "C1" for value in table[name]]
        axes.bar(
            positions, table[name], color=colors if name == "attribution" else "0.6", width=0.8
        )
        axes.grid(axis="x", visible=False)
    all_axes[0, 0].set(ylabel="attribution, nats")
    if len(panels) > 1:
        all_axes[1, 0].set(ylabel="attention rollout,\nshare")
    # An empty token is NaN after a round trip through CSV.
    names = [literal(token.strip()) or "(end)" for token in table["token"].fillna("")]
    all_axes[-1, 0].set_xticks(positions, names, rotation=90, fontsize=7)
    all_axes[-1, 0].set_xlim(-0.7, len(table) - 0.3)
    return figure


def augmentation_curve(table: pd.DataFrame) -> Figure:
    """Draw the error-rate ratio to no augmentation by the number of added documents per real one.

    Columns `model`, `source` (`synthetic` or `real`), `n_added`, `n_real`, `error_ratio`, `low`,
    `high`. A line per model and source; those of added real documents are dotted.
    """
    figure, axes = plt.subplots(figsize=(7.0, 3.8))
    axes.axhline(1, color="0.5", linestyle=":", linewidth=1.2)
    models = list(dict.fromkeys(table["model"]))
    for (name, source), rows in table.groupby(["model", "source"], sort=False):
        number, real = models.index(name), source == "real"
        offset = 0.015 * (number - (len(models) - 1) / 2)
        axes.errorbar(
            rows["n_added"] / rows["n_real"] + offset, rows["error_ratio"],
            yerr=interval_errors(rows, "error_ratio"), fmt="s:" if real else "o-", ms=5,
            color=f"C{number}", mfc="none" if real else None, label=literal(f"{name}, {source}"),
        )  # fmt: skip
    axes.set(
        xlabel="added documents per real document", ylabel="error-rate ratio to no augmentation"
    )
    figure.legend(loc="outside lower center", ncols=2)
    return figure
