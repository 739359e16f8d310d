"""The measurements of the reading notebook, as stored numbers and as tables."""

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import bootstrap

from wholescript.data.films.folds import Fold
from wholescript.evaluation.film_bootstrap import paired_difference
from wholescript.evaluation.occlusion import (
    cross_validate_without_each_part,
    group_means,
    map_folds,
    relative_change,
    spearman_per_row,
)
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.experiments.results import Metric
from wholescript.features.word_counts import QUARTERS
from wholescript.models.logistic_regression import logit
from wholescript.models.task import Estimator, Task
from wholescript.studies.screenplays.attention import (
    OcclusionResult,
    occlude_network,
    train_fold_network,
)
from wholescript.studies.screenplays.keyness_of_predictions import (
    feature_effect_correlation,
    predicted_labels,
)
from wholescript.studies.screenplays.models.aggregation import MILClassifier

INTERPRETATION_MODULES = (
    "wholescript.models.mean_embedding",
    "wholescript.models.tfidf",
    "wholescript.studies.screenplays.interpretation",
)
TOLERANCE = 0.002
FloatArray = NDArray[np.float64]


def occlusion_metrics(
    models: Mapping[str, Estimator], task: Task, folds: Sequence[Fold], *, parts: int, seed: int
) -> dict[str, Metric]:
    """Leave out each of `parts` equal parts of each script, on the folds of the first repeat.

    `<model>:<part>:moved` is how far the score moves beside its mean part, `<model>:<part>:apart`
    how much further the part lifts positive films than others, in standard deviations of the
    score; `last-fifth-of-<model>:apart` adds up the parts of the last fifth.
    `attention-of-<model>:agreement` and `:attended` compare the attention of an aggregator with the
    removal of chunks; `moves-of-<model>&<model>:agreement` the moves of two models.
    """
    found: dict[str, Metric] = {}
    logit_changes: dict[str, FloatArray] = {}
    first = [fold for fold in folds if fold.repeat == 0]
    for name, model in models.items():
        if isinstance(model, MILClassifier):
            logit_changes[name], looks = _network_logit_changes(model, task, first, parts, seed)
            for what, values in looks.items():
                found[f"attention-of-{_key(name)}:{what}"] = _mean(values, task, seed)
        else:
            logit_changes[name] = _estimator_logit_changes(model, task, first, parts, seed)
        for part, values in enumerate(relative_change(logit_changes[name]).T):
            found[f"{_key(name)}:{part}:moved"] = _mean(values, task, seed)
        for part, values in enumerate(logit_changes[name].T):
            found[f"{_key(name)}:{part}:apart"] = _class_difference(values, task, seed)
        last = logit_changes[name][:, -max(1, parts // 5) :].sum(axis=1)
        found[f"last-fifth-of-{_key(name)}:apart"] = _class_difference(last, task, seed)
    for one, other in itertools.combinations(models, 2):
        alike = spearman_per_row(zip(logit_changes[one], logit_changes[other], strict=True))
        found[f"moves-of-{_key(one)}&{_key(other)}:agreement"] = _mean(alike, task, seed)
    return found


def quarter_ablation_metrics(
    model: Estimator, task: Task, folds: Sequence[Fold], *, seed: int
) -> dict[str, Metric]:
    """Return `without-quarter-<1 to 4>`: the AUC without it less that of whole films, paired."""
    whole, *without = cross_validate_without_each_part(model, task, folds, QUARTERS, seed=seed)
    found: dict[str, Metric] = {}
    for quarter, predictions in enumerate(without, 1):
        row = paired_difference(predictions, whole, ["auc"], seed=seed).iloc[0]
        found[f"without-quarter-{quarter}"] = _metric(row["value"], row["low"], row["high"])
    return found


def keyness_metrics(
    predictions: Mapping[str, FilmPredictions], task: Task, *, seed: int
) -> dict[str, Metric]:
    """Return, for each model, how alike the words are that mark the true and the predicted class.

    `<model>:correlation` over words, and `<model>:stronger`, the ratio of the effects' spreads.
    """
    found: dict[str, Metric] = {}
    for name, model in predictions.items():
        predicted = predicted_labels(model)
        rows = feature_effect_correlation(
            task.features.words, task.labels, predicted, task.groups, seed=seed
        )
        for what, row in zip(("correlation", "stronger"), rows, strict=True):
            found[f"{_key(name)}:{what}"] = _metric(*map(float, row))
    return found


def strata_metrics(tables: Mapping[str, pd.DataFrame]) -> dict[str, Metric]:
    """Return what `evaluation.strata.within_strata` found, as `<strata>:within` and `:lost`."""
    return {
        f"{_key(name)}:{row.Index}": _metric(row.value, row.low, row.high)
        for name, table in tables.items()
        for row in table.itertuples()
    }


def occlusion_table(metrics: Mapping[str, Metric], what: str) -> pd.DataFrame:
    """Return the stored curve `what`: a row a model and part, `value`, `low` and `high`."""
    rows = []
    for name, metric in metrics.items():
        if name.endswith(f":{what}") and name.count(":") == 2:
            model, part, _ = name.split(":")
            rows.append((_display_name(model), int(part), metric.value, metric.low, metric.high))
    return pd.DataFrame(rows, columns=["model", "part", "value", "low", "high"])


def metric_table(metrics: Mapping[str, Metric], ending: str = "") -> pd.DataFrame:
    """Return the metrics whose names end so, a row each: index their names without it."""
    rows = {
        _display_name(name.removesuffix(ending)): (metric.value, metric.low, metric.high)
        for name, metric in metrics.items()
        if name.endswith(ending)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def _estimator_logit_changes(
    model: Estimator, task: Task, folds: Sequence[Fold], parts: int, seed: int
) -> FloatArray:
    """Return the moves of all films, (n, parts), in standard deviations of a fold's scores."""
    predictions = cross_validate_without_each_part(model, task, folds, parts, seed=seed)
    whole, *without = (logit(p.scores[0]) for p in predictions)
    logit_changes = whole[:, None] - np.column_stack(without)
    for fold in folds:
        logit_changes[fold.test] /= whole[fold.test].std() or 1.0
    return logit_changes


def _network_logit_changes(
    model: MILClassifier, task: Task, folds: Sequence[Fold], parts: int, seed: int
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return the moves as `_estimator_logit_changes` does, and what attention says of each film, (n,)."""
    logit_changes = np.zeros((len(task.labels), parts))
    looks = {what: np.full(len(logit_changes), np.nan) for what in ("agreement", "attended")}
    fn = partial(_occlude_fold, model, task, parts=parts, seed=seed)
    for seen in map_folds(fn, folds, name=model.name):
        logit_changes[seen.rows] = seen.logit_changes / (seen.logits.std() or 1.0)
        looks["agreement"][seen.rows] = seen.rank_correlation()
        looks["attended"][seen.rows] = seen.top_attended_ratio()
    return logit_changes, looks


def _occlude_fold(
    model: MILClassifier, task: Task, fold: Fold, *, parts: int, seed: int
) -> OcclusionResult:
    network, films = train_fold_network(model, task, fold, seed=seed)
    return occlude_network(network, films, parts)


def _mean(values: FloatArray, task: Task, seed: int) -> Metric:
    """Return the mean over the films that have a value, with a bootstrap interval."""
    known = np.isfinite(values)
    means = group_means(values[known, None], task.groups[known])[:, 0]
    return _resampled((means,), np.mean, seed)


def _class_difference(values: FloatArray, task: Task, seed: int) -> Metric:
    """Return the mean over positive films less that over others, with a bootstrap interval."""
    sides = [task.labels == label for label in (1, 0)]
    means = tuple(group_means(values[side, None], task.groups[side])[:, 0] for side in sides)
    return _resampled(means, _difference, seed)


def _difference(a: FloatArray, b: FloatArray, axis: int) -> FloatArray:
    return a.mean(axis=axis) - b.mean(axis=axis)


def _resampled(samples: tuple[FloatArray, ...], statistic: Any, seed: int) -> Metric:
    bounds = bootstrap(
        samples, statistic, n_resamples=2000, method="percentile", rng=seed, vectorized=True
    ).confidence_interval
    value = statistic(*samples, axis=0)
    return _metric(float(value), float(bounds.low), float(bounds.high))


def _metric(value: float, low: float, high: float) -> Metric:
    """Return a metric that a rerun may miss by an eighth of its interval."""
    return Metric(value, low, high, max(TOLERANCE, (high - low) / 8))


def _key(name: str) -> str:
    return name.replace(" ", "-")


def _display_name(key: str) -> str:
    return key.replace("-", " ").replace("&", " and ")
