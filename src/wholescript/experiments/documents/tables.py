"""Runs of document classifiers for the pages: selecting them, tables of metrics and costs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from wholescript.evaluation.document_comparison import error_rate_ratio
from wholescript.evaluation.document_metrics import (
    REPORTED_METRICS,
    TABLE_METRICS,
    SeedPredictions,
    bootstrap,
)
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import predictions_by_seed
from wholescript.experiments.results import Metric
from wholescript.experiments.seeds import costs_over_seeds
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import bootstrap_seed

_intervals: dict[tuple[object, ...], pd.DataFrame] = {}
RunsByModel = Mapping[str, Sequence[Run]]
LEARNING_RATE_SUFFIX = "-lr"  # in the name of a run with another learning rate than the default
LEARNING_CURVE_COLUMNS = ("model", "n_train", "accuracy_by_seed", "accuracy", "low", "high")
SPLITS = ("train", "validation", "test")
TABLE_COSTS = (
    "overfitting_gap",
    "trained_parameters",
    "train_seconds",
    "inference_seconds_per_1000",
    "peak_memory_gb",
)


def trained_on_n(models: RunsByModel, n_train: int) -> dict[str, list[Run]]:
    """Return the runs trained on `n_train` documents with true labels, by model."""
    return {
        model_name(runs[0]): list(runs)
        for runs in models.values()
        if trained_on_true_labels(runs) and n_train_of(runs) == n_train
    }


def trained_on_true_labels(runs: Sequence[Run]) -> bool:
    """Return whether a model was trained on true labels without synthetic data."""
    data_config = runs[0].settings["data_config"]
    return data_config.get("label_column") == "label" and not data_config.get("n_synthetic")


def n_train_of(runs: Sequence[Run]) -> int | None:
    """Return the size of the training sample of a model; None for all documents."""
    n_train: int | None = runs[0].settings["data_config"]["n_train"]
    return n_train


def model_name(run: Run) -> str:
    """Return the name of the model: that of the run without data set, data settings and seed."""
    run_suffix = DataConfig(**run.settings["data_config"]).run_suffix
    return run.name.partition("/")[2].removesuffix(f"-{run_suffix}")


def by_model(groups: Sequence[RunsByModel]) -> dict[str, list[Run]]:
    """Return runs by the name of their model, whatever documents they were trained on."""
    models: dict[str, list[Run]] = {}
    for runs in (runs for group in groups for runs in group.values()):
        models.setdefault(model_name(runs[0]), []).extend(runs)
    return models


def dataset_sizes(models: RunsByModel) -> dict[str, Metric]:
    """Return `n_classes`, and the documents of each split: `n_train`, `n_validation`, `n_test`."""
    config = next(iter(models.values()))[0].config
    sizes = {f"n_{split}": Metric(config["documents"][split]) for split in SPLITS}
    return {"n_classes": Metric(len(config["classes"])), **sizes}


def metrics_over_seeds(runs: Sequence[Run]) -> dict[str, Metric]:
    """Return metrics (with intervals over documents and seeds), costs and `seeds` of a model."""
    # A notebook asks for the same intervals several times, and each takes a second.
    key = (bootstrap_seed(), *((run.root, run.name, run.key) for run in runs))
    if key not in _intervals:
        _intervals[key] = bootstrap(
            predictions_by_seed(runs), REPORTED_METRICS, seed=bootstrap_seed()
        )
    metrics = {
        row.metric: Metric(row.value, row.low, row.high, (row.high - row.low) / 2)
        for row in _intervals[key].itertuples()
    }
    costs = {
        name: Metric(value, tolerance=abs(value)) for name, value in costs_over_seeds(runs).items()
    }
    return metrics | costs | {"seeds": Metric(len(runs))}


def interval_table(rows: Mapping[str, Metric]) -> pd.DataFrame:
    """Return `value`, `low` and `high` of a metric, a row per name."""
    columns = ["value", "low", "high"]
    table = {name: {column: getattr(m, column) for column in columns} for name, m in rows.items()}
    return pd.DataFrame.from_dict(table, orient="index", columns=columns)


def accuracy_table(models: RunsByModel) -> pd.DataFrame:
    """Return `value`, `low` and `high` of the accuracy, a row per model, ascending."""
    rows = {name: metrics_over_seeds(runs)["accuracy"] for name, runs in models.items()}
    return interval_table(rows).sort_values("value")


def error_rate_ratios(models: RunsByModel, baseline: str) -> dict[str, Metric]:
    """Return the error rate of each model over the baseline's, as `<model>_over_<baseline>`.

    There are none where the baseline was left out, or made no errors.
    """
    if baseline not in models:
        return {}
    ratios = {}
    for name, runs in models.items():
        if name != baseline:
            value, low, high = run_error_rate_ratio(runs, models[baseline])
            if np.isfinite(value):
                ratios[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return ratios


def run_error_rate_ratio(
    runs: Sequence[Run],
    baseline: Sequence[Run],
    predictions: tuple[SeedPredictions, SeedPredictions] | None = None,
) -> tuple[float, float, float]:
    """Return the error rate of one model over another's with its interval: value, low, high.

    Seeds are paired where both models were trained on the same subsamples, one for each seed.
    `predictions` replaces the stored ones, such as with a subset of the test documents. Where one
    model was tested on fewer documents, only those count.
    """
    sides = predictions or _on_shared_documents(runs, baseline)
    subsamples = [
        [(run.config["dataset"], run.config["seed"]) for run in side if n_train_of([run])]
        for side in (runs, baseline)
    ]
    paired_seeds = subsamples[0] == subsamples[1] and len(subsamples[0]) == len(runs) == len(
        baseline
    )
    return error_rate_ratio(*sides, paired_seeds=paired_seeds, seed=bootstrap_seed())


def _on_shared_documents(
    runs: Sequence[Run], baseline: Sequence[Run]
) -> tuple[SeedPredictions, SeedPredictions]:
    sides = predictions_by_seed(runs), predictions_by_seed(baseline)
    ids = [set(side[0].ids) for side in sides]
    if ids[0] == ids[1]:
        return sides
    shared = ids[0] & ids[1]
    first, second = ([each.select(shared) for each in side] for side in sides)
    return first, second


def model_table(models: RunsByModel) -> pd.DataFrame:
    """Return test error with its interval, other metrics and costs: a row per model, best first."""
    metrics = {name: metrics_over_seeds(runs) for name, runs in models.items()}
    columns: dict[str, Callable[[dict[str, Metric]], float]] = {
        "error": lambda m: 1 - m["accuracy"].value,
        "low": lambda m: 1 - _bound(m["accuracy"].high),
        "high": lambda m: 1 - _bound(m["accuracy"].low),
    }
    for name in (*TABLE_METRICS, *TABLE_COSTS, "seeds"):
        columns[name] = _metric_getter(name)
    rows = {name: [get(m) for get in columns.values()] for name, m in metrics.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns), dtype=float)
    return table.rename_axis("model").sort_values("error")


def learning_curve_table(models: RunsByModel) -> pd.DataFrame:
    """Return the accuracy of each model at each training-set size, trained on true labels.

    Columns `model`, `n_train`, `accuracy_by_seed` (a list), `accuracy`, `low`, `high`. Models
    with one size are left out, unless there are no others: so few texts allow one size only.
    """
    rows = []
    for runs in models.values():
        if trained_on_true_labels(runs) and LEARNING_RATE_SUFFIX not in runs[0].name:
            accuracy = metrics_over_seeds(runs)["accuracy"]
            rows.append(
                {
                    "model": model_name(runs[0]),
                    "n_train": runs[0].config["documents"]["train"],
                    "accuracy_by_seed": [run.metrics["accuracy"].value for run in runs],
                    "accuracy": accuracy.value,
                    "low": accuracy.low,
                    "high": accuracy.high,
                }
            )
    table = pd.DataFrame(rows, columns=LEARNING_CURVE_COLUMNS)
    curves = table[table.groupby("model")["n_train"].transform("nunique") > 1]
    return table if curves.empty else curves


def _bound(value: float | None) -> float:
    return np.nan if value is None else value


def _metric_getter(name: str) -> Callable[[dict[str, Metric]], float]:
    return lambda metrics: metrics[name].value if name in metrics else np.nan
