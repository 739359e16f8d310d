"""Plots of classifiers of texts: curves, cost beside score, calibration."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wholescript.evaluation.calibration import reliability
from wholescript.evaluation.multiclass import ClassPredictions

BINS = 15


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


def by_size(table: pd.DataFrame, label: str) -> Figure:
    """Draw accuracy, `value` from `low` to `high`, over the logarithm of `size`: a point a row."""
    figure, axes = plt.subplots(figsize=(6.0, 3.4))
    errors = [table["value"] - table["low"], table["high"] - table["value"]]
    axes.errorbar(table["size"], table["value"], yerr=errors, fmt="o-", linewidth=1)
    axes.set(xscale="log", xlabel=label, ylabel="accuracy on test")
    return figure


def calibration(runs: Mapping[str, ClassPredictions]) -> Figure:
    """Draw how often the predicted class is right against how sure the model was of it."""
    figure, axes = plt.subplots(figsize=(4.6, 4.4))
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1)
    for name, predictions in runs.items():
        if predictions.confidence is None:
            continue
        right = (predictions.predicted == predictions.labels).astype(np.int8)
        bins = reliability(right, predictions.confidence.astype(np.float64), BINS)
        axes.plot(bins["predicted"], bins["observed"], marker="o", ms=4, label=name)
    axes.set(xlabel="confidence", ylabel="share that is right")
    axes.legend()
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
