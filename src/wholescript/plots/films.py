"""Plots of film predictions: curves, calibration, confusion, decades, thresholds."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import precision_recall_curve, roc_curve

from wholescript.evaluation.calibration import calibration_curve
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.plots.forest import interval_errors
from wholescript.plots.panels import reliability_panels
from wholescript.plots.style import HEATMAP, HEATMAP_TEXT, WIDTH, model_styles
from wholescript.plots.ticks import row_name


def roc(models: Mapping[str, FilmPredictions]) -> Figure:
    """Draw a ROC curve per model: ranks within folds, pooled over the repeats."""
    figure, axes = plt.subplots(figsize=(WIDTH, WIDTH - 0.2))
    styles = model_styles(list(models))
    for name, predictions in models.items():
        labels, ranks = _pooled_ranks(predictions)
        fpr, tpr, _ = roc_curve(labels, ranks)
        curve = _subsample_curve(fpr, tpr)
        axes.plot(*curve, label=name, **styles[name]._replace(marker="")._asdict())
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1, label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.legend(loc="lower right")
    return figure


def precision_recall(models: Mapping[str, FilmPredictions]) -> Figure:
    """Draw a precision-recall curve per model; the line is the share of positives (chance)."""
    figure, axes = plt.subplots(figsize=(WIDTH, 4.2))
    styles = model_styles(list(models))
    positive_share = 0.0
    for name, predictions in models.items():
        labels, ranks = _pooled_ranks(predictions)
        precision, recall, _ = precision_recall_curve(labels, ranks)
        curve = _subsample_curve(recall[::-1], precision[::-1])
        axes.plot(*curve, label=name, **styles[name]._replace(marker="")._asdict())
        positive_share = float(labels.mean())
    axes.axhline(positive_share, color="0.6", linestyle=":", linewidth=1, label="chance")
    axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1))
    axes.legend(loc="upper right")
    return figure


def reliability_diagram(models: Mapping[str, FilmPredictions]) -> Figure:
    """Draw observed shares against predicted probabilities in ten bins of equal mass.

    A panel per model. The films of all repeats are pooled, so there are no intervals.
    """
    curves = {}
    for name, predictions in models.items():
        labels = np.tile(predictions.labels, len(predictions.probabilities))
        curve = calibration_curve(labels, predictions.probabilities.ravel())
        curves[name] = curve[["predicted", "observed"]]
    return reliability_panels(curves, "predicted probability", "observed share of positives")


def confusion(models: Mapping[str, FilmPredictions]) -> Figure:
    """Draw a confusion matrix per model, at thresholds from inner folds: films, mean of repeats."""
    figure, panels = plt.subplots(
        1, len(models), figsize=(WIDTH, 3.0), squeeze=False, sharex=True, sharey=True
    )
    for axes, (name, predictions) in zip(panels[0], models.items(), strict=True):
        predicted = predictions.probabilities >= predictions.thresholds
        labels = np.broadcast_to(predictions.labels == 1, predicted.shape)
        cells = np.array(
            [[(labels == t) & (predicted == p) for p in (False, True)] for t in (False, True)]
        )
        films = cells.sum((2, 3)) / len(predicted)
        axes.imshow(films / films.sum(1, keepdims=True), cmap=HEATMAP, vmin=0, vmax=1)
        for row in range(2):
            for column in range(2):
                share = films[row, column] / films[row].sum()
                text = f"{films[row, column]:.0f}\n{share:.0%}"
                color = HEATMAP_TEXT[int(share > 0.5)]
                axes.text(column, row, text, ha="center", va="center", color=color)
        axes.set_xticks([0, 1], ["not\nnominated", "nominated"])
        axes.set_yticks([0, 1], ["not\nnominated", "nominated"])
        axes.set_title(row_name(name, 20))
        axes.grid(visible=False)
    figure.supxlabel("predicted")
    figure.supylabel("true")
    return figure


def by_decade(table: pd.DataFrame) -> Figure:
    """Draw AUROC by decade and model: columns `decade`, `model`, `value`, `low`, `high`."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    decades = sorted(table["decade"].unique())
    models = list(dict.fromkeys(table["model"]))
    styles = model_styles(models)
    for number, model in enumerate(models):
        part = table[table["model"] == model].set_index("decade").reindex(decades)
        offset = (number - (len(models) - 1) / 2) * 0.2
        axes.errorbar(
            np.arange(len(decades)) + offset, part["value"], yerr=interval_errors(part),
            ms=5.5, label=model, **styles[model]._replace(linestyle="")._asdict(),
        )  # fmt: skip
    axes.axhline(0.5, color="0.5", linestyle=":", linewidth=1)
    axes.set_xticks(np.arange(len(decades)), [f"{decade}s" for decade in decades])
    axes.set(ylabel="AUROC within the decade")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def compare_thresholds(table: pd.DataFrame) -> Figure:
    """Draw macro-F1 at 0.5 and at the inner-fold threshold, a row per imbalance correction.

    `table`: index names, columns `at_half` and `at_threshold`. The rows are sorted by the latter.
    """
    table = table.sort_values("at_threshold", ascending=False, kind="stable")
    figure, axes = plt.subplots(figsize=(WIDTH, 0.36 * len(table) + 1.3))
    positions = np.arange(len(table))[::-1]
    axes.hlines(positions, table["at_half"], table["at_threshold"], color="0.7")
    axes.plot(table["at_half"], positions, "s", color="C1", label="threshold 0.5")
    axes.plot(table["at_threshold"], positions, "o", color="C0", label="threshold from inner folds")
    axes.set_yticks(positions, [str(name) for name in table.index])
    axes.set(xlabel="macro-F1", ylim=(-0.6, len(table) - 0.4))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _pooled_ranks(predictions: FilmPredictions) -> tuple[np.ndarray, np.ndarray]:
    ranks = predictions.fold_ranks()
    scored = np.isfinite(ranks)
    labels = np.broadcast_to(predictions.labels, ranks.shape)
    return labels[scored], ranks[scored]


def _subsample_curve(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most 400 points of a curve: more are invisible and make large files."""
    kept = np.unique(np.linspace(0, len(x) - 1, 400).astype(int))
    return x[kept], y[kept]
