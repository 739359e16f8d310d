"""Tables of the study of classifiers: crossovers, learning rates, label noise, confused classes."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from wholescript.evaluation.document_comparison import confused_pairs, error_rate_ratio
from wholescript.evaluation.learning_curves import find_crossover
from wholescript.experiments.display_names import model_display_name
from wholescript.experiments.documents.runs import predictions_by_seed
from wholescript.experiments.documents.tables import (
    LEARNING_RATE_SUFFIX,
    RunsByModel,
    interval_table,
    metrics_over_seeds,
    model_name,
    n_train_of,
    trained_on_true_labels,
)
from wholescript.experiments.store import Run


def with_display_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the display names of models in its index and its columns of models."""
    shown = table.rename(index=_display_name)
    for column in ("model", "better_beyond"):
        if column in shown.columns:
            shown = shown.assign(**{column: [_display_name(name) for name in shown[column]]})
    return shown


def crossover_table(table: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Return the training-set size from which one model of each pair stays better.

    `table` is that of `learning_curve_table`; sizes that one model lacks are left out. Index
    `models` (`<first> / <second>`); columns `crossover_n_train` with `low` and `high`, missing
    where the curves do not cross, and `better_beyond`, the model that is better at larger sizes.
    It is "not compared", and the reason is printed, where the curves have no two sizes in common:
    with few texts, or without a pretrained model, some runs are left out.
    """
    curves = {
        model: rows.set_index("n_train")["accuracy_by_seed"].sort_index()
        for model, rows in table.groupby("model")
    }
    rows = []
    for first, second in pairs:
        if reason := _not_comparable(curves, first, second):
            print(f"not compared: {first} / {second}: {reason}")
            unknown = dict.fromkeys(("crossover_n_train", "low", "high"))
            name = f"{first} / {second}"
            rows.append({"models": name, **unknown, "better_beyond": "not compared"})
            continue
        sizes = curves[first].index.intersection(curves[second].index)
        n_seeds = min(len(curves[m][size]) for m in (first, second) for size in sizes)
        a, b = (
            [[curves[m][size][seed] for size in sizes] for seed in range(n_seeds)]
            for m in (first, second)
        )
        found = find_crossover(sizes, a, b)
        better = {"a": first, "b": second}
        rows.append(
            {
                "models": f"{first} / {second}",
                "crossover_n_train": found.n_train if found else None,
                "low": found.low if found else None,
                "high": found.high if found else None,
                "better_beyond": better[found.best_after]
                if found
                else _dominating_model(a, b, first, second),
            }
        )
    return pd.DataFrame(rows).set_index("models")


def confused_class_pairs(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the pairs of classes that a model confuses most often (see `confused_pairs`)."""
    pairs = confused_pairs(predictions_by_seed(runs), top=12)
    return pairs[["label", "predicted", "n_errors", "n_reversed"]].set_index("label")


def learning_rate_table(models: RunsByModel, model: str) -> pd.DataFrame:
    """Return `value`, `low` and `high` of a model's accuracy, by its maximum learning rate."""
    rows = {}
    for runs in models.values():
        on_all = trained_on_true_labels(runs) and n_train_of(runs) is None
        if on_all and model_name(runs[0]).partition(LEARNING_RATE_SUFFIX)[0] == model:
            rate = runs[0].settings["estimator"]["train_config"]["learning_rate"]
            rows[rate] = metrics_over_seeds(runs)["accuracy"]
    return interval_table(rows).sort_index()


def label_noise_table(models: RunsByModel, label_column: str) -> pd.DataFrame:
    """Return the test error after training on true and on noisy labels, a row per model.

    Columns `error_true_labels`, `error_noisy_labels`, and `error_ratio` (noisy over true) with
    `low` and `high`. Models that were not trained on both, with all documents, are left out.
    """
    rows = {}
    for name, runs in models.items():
        on_all = [run for run in runs if run.settings["data_config"]["n_train"] is None]
        true, noisy = (
            [run for run in on_all if run.settings["data_config"]["label_column"] == column]
            for column in ("label", label_column)
        )
        if true and noisy:
            ratio, low, high = error_rate_ratio(
                predictions_by_seed(noisy), predictions_by_seed(true)
            )
            rows[name] = {
                "error_true_labels": 1 - metrics_over_seeds(true)["accuracy"].value,
                "error_noisy_labels": 1 - metrics_over_seeds(noisy)["accuracy"].value,
                "error_ratio": ratio,
                "low": low,
                "high": high,
            }
    return pd.DataFrame(rows).T.rename_axis("model")


def _display_name(name: object) -> object:
    """Return the display name of a model, or of both in `<first> / <second>`."""
    if not isinstance(name, str):
        return name
    return " / ".join(map(model_display_name, name.split(" / ")))


def _not_comparable(curves: Mapping[str, pd.Series], first: str, second: str) -> str:
    """Return why two learning curves cannot be compared; empty if they can."""
    if missing := [model for model in (first, second) if model not in curves]:
        names = " and ".join(missing)
        return f"{names} was trained with fewer than two different numbers of training texts"
    if len(curves[first].index.intersection(curves[second].index)) < 2:
        return "they were trained with fewer than two numbers of training texts in common"
    return ""


def _dominating_model(
    a: Sequence[Sequence[float]], b: Sequence[Sequence[float]], first: str, second: str
) -> str:
    mean_a, mean_b = (np.mean(curve, axis=0) for curve in (a, b))
    if (mean_a >= mean_b).all():
        return first
    return second if (mean_b >= mean_a).all() else "neither"
