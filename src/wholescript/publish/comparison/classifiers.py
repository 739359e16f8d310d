"""Runs of classifiers of texts side by side: tables, and a page with their curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from wholescript.errors import ParameterError
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.multiclass_comparison import compare, confused_pairs, per_class_metrics
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.experiments.documents.runs import histories, mean_costs
from wholescript.experiments.store import Run
from wholescript.plots import documents as plots
from wholescript.plots.style import set_style
from wholescript.publish.comparison.page import write_classifier_comparison

RunsByModel = Mapping[str, Sequence[Run]]
COSTS = (
    "parameters",
    "trained_parameters",
    "train_seconds",
    "seconds_per_epoch",
    "inference_seconds_per_1000",
    "peak_memory_gb",
    "train_accuracy",
    "validation_accuracy",
    "overfitting_gap",
)


def test_predictions(runs: RunsByModel) -> dict[str, list[DocumentPredictions]]:
    """Return the test predictions of each seed."""
    return {
        name: [run.predictions(DocumentPredictions) for run in seeds]
        for name, seeds in runs.items()
    }


def metrics_with_intervals(runs: RunsByModel) -> pd.DataFrame:
    """Return a row a model and metric: value, low, high over texts and seeds, spread over seeds."""
    tables = {
        name: bootstrap(seeds).set_index("metric") for name, seeds in test_predictions(runs).items()
    }
    return pd.concat(tables, names=["run"])


def cost_table(runs: RunsByModel) -> pd.DataFrame:
    """Return a row a model with what it costs, the mean over its seeds; NaN where it has none."""
    rows = {name: mean_costs(seeds) for name, seeds in runs.items()}
    return (
        pd.DataFrame(rows)
        .T.reindex(columns=list(COSTS))
        .assign(seeds=[len(seeds) for seeds in runs.values()])
    )


def paired_differences(runs: RunsByModel, baseline: str) -> pd.DataFrame:
    """Return paired differences from a baseline, with Holm's correction of their p-values.

    Raises:
        ParameterError: the baseline is none of the runs, or there is no other.
        DataError: the runs predict other texts.
    """
    if baseline not in runs or len(runs) < 2:
        raise ParameterError(
            f"the baseline {baseline!r} must be one of several runs; there are: {', '.join(runs)}"
        )
    return compare(test_predictions(runs), baseline=baseline)


def epochs_to_convergence(runs: RunsByModel) -> pd.Series:
    """Return the epochs that each model took to reach 99% of its best score on validation."""
    found = {}
    for name, seeds in histories(runs).items():
        epochs = []
        for history in seeds:
            scores = history["held_out_macro_f1"]
            near = scores >= 0.99 * scores.max()
            epochs.append(int(history.loc[near, "epoch"].min()))
        found[name] = sum(epochs) / len(epochs)
    return pd.Series(found, name="epochs_to_99_percent", dtype=float)


def write_comparison_page(runs: RunsByModel, baseline: str | None, path: Path) -> None:
    """Write a page, and beside it the figures and the tables as CSV."""
    set_style()
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    scores, costs = metrics_with_intervals(runs), cost_table(runs).join(epochs_to_convergence(runs))
    tables: dict[str, pd.DataFrame] = {"Scores on test": _format_intervals(scores), "Cost": costs.T}
    if baseline is not None:
        tables[f"Differences from {baseline}"] = paired_differences(runs, baseline)
    for name, seeds in test_predictions(runs).items():
        tables[f"{name}: classes most confused"] = confused_pairs(seeds, top=10)
        tables[f"{name}: classes"] = per_class_metrics(seeds)
    figures = {name: folder / f"{name}.png" for name in _save_figures(runs, scores, costs, folder)}
    for name, table in tables.items():
        slug = "".join(c if c.isalnum() else "-" for c in name.lower())
        table.to_csv(folder / f"{slug}.csv")
    shown = {name: table.reset_index().round(4) for name, table in tables.items()}
    write_classifier_comparison(
        path, title="Classifiers of texts, side by side", tables=shown, figures=figures
    )


def _format_intervals(scores: pd.DataFrame) -> pd.DataFrame:
    cells = {
        where: f"{row.value:.4f} [{row.low:.4f}, {row.high:.4f}]"
        for where, row in zip(scores.index, scores.itertuples(), strict=True)
    }
    return pd.Series(cells).unstack(sort=False)


def _save_figures(
    runs: RunsByModel, scores: pd.DataFrame, costs: pd.DataFrame, folder: Path
) -> list[str]:
    accuracy = scores.xs("accuracy", level="metric")
    spent = accuracy.rename(columns={"value": "accuracy"}).assign(seconds=costs["train_seconds"])
    drawn: dict[str, Figure] = {
        "cost": plots.cost(spent),
        "calibration": plots.calibration({n: s[0] for n, s in test_predictions(runs).items()}),
    }
    if trained := histories(runs):
        drawn = {"curves": plots.curves(trained)} | drawn
    options: dict[str, Any] = {"dpi": 144}
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", **options)
        plt.close(figure)
    return list(drawn)
