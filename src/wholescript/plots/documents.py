"""Plots of classifiers of texts: curves, cost beside score, calibration, words."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from wholescript.evaluation.calibration import calibration_curve
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.multiclass_comparison import confusion as counted

N_BINS = 15


def curves(histories: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """Draw loss and macro-F1 by epoch, a line a model, the mean over its seeds.

    Training loss is dotted: how far it falls below the held-out one is the overfitting.
    """
    figure, (losses, scores) = plt.subplots(1, 2, figsize=(7.0, 3.6))
    for number, (name, seeds) in enumerate(histories.items()):
        mean = pd.concat(seeds).groupby("epoch").mean(numeric_only=True)
        color = f"C{number}"
        losses.plot(mean.index, mean["train_loss"], color=color, linestyle=":")
        losses.plot(mean.index, mean["held_out_loss"], color=color)
        scores.plot(mean.index, mean["held_out_macro_f1"], color=color, label=name)
    losses.set(xlabel="epoch", ylabel="loss, nats (dotted: training)")
    scores.set(xlabel="epoch", ylabel="macro-F1 on validation")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def cost(table: pd.DataFrame) -> Figure:
    """Draw error against seconds of training: rows of `accuracy`, `low`, `high`, `seconds`."""
    figure, axes = plt.subplots(figsize=(7.0, 3.8))
    for number, row in enumerate(table.itertuples()):
        error = 1 - row.accuracy
        bounds = [[error - (1 - row.high)], [(1 - row.low) - error]]
        axes.errorbar(row.seconds, error, yerr=bounds, fmt="o", color=f"C{number}", label=row.Index)
    axes.set(xscale="log", xlabel="seconds of training", ylabel="error on test", ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def accuracy_against(table: pd.DataFrame, label: str) -> Figure:
    """Draw accuracy, `value` from `low` to `high`, over the logarithm of `size`: a point a row."""
    figure, axes = plt.subplots(figsize=(6.0, 3.4))
    errors = [table["value"] - table["low"], table["high"] - table["value"]]
    axes.errorbar(table["size"], table["value"], yerr=errors, fmt="o-", linewidth=1)
    axes.set(xscale="log", xlabel=label, ylabel="accuracy on test")
    return figure


def calibration(runs: Mapping[str, DocumentPredictions]) -> Figure:
    """Draw how often the predicted class is right against how sure the model was of it."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4))
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1)
    for name, predictions in runs.items():
        if predictions.confidence is None:
            continue
        right = (predictions.predicted == predictions.labels).astype(np.int8)
        bins = calibration_curve(right, predictions.confidence.astype(np.float64), N_BINS)
        axes.plot(bins["predicted"], bins["observed"], marker="o", ms=4, label=name)
    axes.set(xlabel="confidence", ylabel="share that is right")
    axes.legend()
    return figure


def confusion(runs: Mapping[str, Sequence[DocumentPredictions]], columns: int = 4) -> Figure:
    """Draw the confusion of classes, a panel a model: texts, and their share of the true class."""
    rows = -(-len(runs) // columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(2.0 * columns, 2.4 * rows), squeeze=False, sharex=True, sharey=True
    )
    for axes in panels.flat[len(runs) :]:
        axes.set_axis_off()
    for place, (name, seeds) in enumerate(runs.items()):
        axes = panels.flat[place]
        counts = counted(seeds)
        shares = counts.div(counts.sum(axis=1), axis=0)
        words = counts.map("{:,.0f}".format) + "\n" + shares.map("{:.1%}".format)
        sns.heatmap(
            shares, annot=words, fmt="", cmap="Blues", vmin=0, vmax=1, cbar=False, square=True,
            ax=axes, annot_kws={"fontsize": 8},
        )  # fmt: skip
        axes.set(xlabel="", ylabel="")
        axes.set_title(fill(name, 18), fontsize=10)  # else a long name runs into the next one
        axes.tick_params(labelbottom=place + columns >= len(runs))
    figure.supxlabel("predicted")
    figure.supylabel("label")
    return figure


def learning(table: pd.DataFrame) -> Figure:
    """Draw error by number of examples: rows of `model`, `examples`, `accuracy`, `low`, `high`."""
    figure, axes = plt.subplots(figsize=(7.0, 4.2))
    for name, rows in table.groupby("model", sort=False):
        ordered = rows.sort_values("examples")
        (line,) = axes.plot(ordered["examples"], 1 - ordered["accuracy"], marker="o", label=name)
        axes.fill_between(
            ordered["examples"],
            1 - ordered["high"],
            1 - ordered["low"],
            color=line.get_color(),
            alpha=0.15,
        )
    axes.set(xscale="log", yscale="log", xlabel="training examples", ylabel="error on test")
    axes.legend()
    return figure


def language(epochs: pd.DataFrame) -> Figure:
    """Draw the loss of models of language by epoch, a panel a class; training loss is dotted.

    Columns `model`, `class`, `epoch`, `train_loss`, `held_out_loss`.
    """
    classes = list(dict.fromkeys(epochs["class"]))
    figure, panels = plt.subplots(1, len(classes), sharey=True, figsize=(7.0, 3.6), squeeze=False)
    for axes, name in zip(panels[0], classes, strict=True):
        of_class = epochs[epochs["class"] == name]
        for number, (model, rows) in enumerate(of_class.groupby("model", sort=False)):
            color = f"C{number}"
            axes.plot(rows["epoch"], rows["train_loss"], color=color, linestyle=":")
            axes.plot(rows["epoch"], rows["held_out_loss"], color=color, marker=".", label=model)
        axes.set(title=name, xlabel="epoch")
    panels[0][0].set(ylabel="nats a token (dotted: training)")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def words(table: pd.DataFrame) -> Figure:
    """Draw what each word of a text is worth, a bar a word: columns `word` and `evidence`.

    With a column `attention` a second panel shows that. The end of the text has no word.
    """
    panels = ["evidence", *(["attention"] if "attention" in table else [])]
    figure, all_axes = plt.subplots(
        len(panels), 1, sharex=True, figsize=(7.4, 1.9 * len(panels) + 0.9), squeeze=False
    )
    places = np.arange(len(table))
    for axes, name in zip(all_axes[:, 0], panels, strict=True):
        colors = ["C0" if value >= 0 else "C1" for value in table[name]]
        axes.bar(places, table[name], color=colors if name == "evidence" else "0.6", width=0.8)
        axes.grid(axis="x", visible=False)
    all_axes[0, 0].set(ylabel="evidence, nats")
    if len(panels) > 1:
        all_axes[1, 0].set(ylabel="attention, share")
    # Read back from a file, a word that is not there is no text.
    named = [word.strip() or "(end)" for word in table["word"].fillna("")]
    all_axes[-1, 0].set_xticks(places, named, rotation=90, fontsize=7)
    all_axes[-1, 0].set_xlim(-0.7, len(table) - 0.3)
    return figure


def added(table: pd.DataFrame) -> Figure:
    """Draw the error over that without further texts, by how many were added: a line a model.

    Columns `model`, `further`, `added`, `real`, `ratio`, `low`, `high`. Where the further texts
    are real ones the line is dotted.
    """
    figure, axes = plt.subplots(figsize=(7.0, 3.8))
    axes.axhline(1, color="0.5", linestyle=":", linewidth=1.2)
    models = list(dict.fromkeys(table["model"]))
    for (name, further), rows in table.groupby(["model", "further"], sort=False):
        number, real = models.index(name), further == "real"
        shares = rows["added"] / rows["real"] + 0.015 * (number - (len(models) - 1) / 2)
        errors = [rows["ratio"] - rows["low"], rows["high"] - rows["ratio"]]
        axes.errorbar(
            shares, rows["ratio"], yerr=errors, fmt="s:" if real else "o-", ms=5,
            color=f"C{number}", mfc="none" if real else None, label=f"{name}, {further}",
        )  # fmt: skip
    axes.set(xlabel="further texts for each real one", ylabel="error over that without them")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
