"""Measurements of the interpretation notebook, as stored metrics and as tables."""

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from wholescript.data.films.folds import Fold
from wholescript.evaluation.film_bootstrap import paired_difference
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.display_names import model_display_name
from wholescript.experiments.results import Metric
from wholescript.features.word_counts import N_QUARTERS
from wholescript.models.films.estimator import Estimator, FilmDataset
from wholescript.models.films.logistic_regression import logit
from wholescript.models.types import Float64Array
from wholescript.studies.screenplays.attention import (
    OcclusionResult,
    occlude_network,
    train_first_member,
)
from wholescript.studies.screenplays.cross_validation import fold_seed, map_folds
from wholescript.studies.screenplays.experiments import interval_metric
from wholescript.studies.screenplays.keyness_of_predictions import (
    keyness_agreement,
    predicted_labels,
)
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.studies.screenplays.occlusion import (
    cross_validate_without_each_part,
    group_means,
    relative_importance,
    spearman_per_row,
)

INTERPRETATION_MODULES = (
    "wholescript.models.films.mean_embedding",
    "wholescript.models.films.tfidf",
    "wholescript.studies.screenplays.interpretation",
)


def occlusion_metrics(
    models: Mapping[str, Estimator],
    dataset: FilmDataset,
    folds: Sequence[Fold],
    *,
    n_parts: int,
    seed: int,
) -> dict[str, Metric]:
    """Occlude each of `n_parts` equal parts of each script, on the folds of the first repeat.

    - `<model>:<part>:relative_change`: absolute logit change, relative to that of the film's mean
      part.
    - `<model>:<part>:class_difference`: logit change of positive films minus that of negative ones,
      in standard deviations of the logit; `last-fifth-of-<model>:class_difference` is that of the
      sum over the parts of the last fifth.
    - `attention-of-<model>:rank_correlation` and `:top_decile_relative_change`: attention against
      occlusion of chunks, see `OcclusionResult`.
    - `occlusion-of-<model>&<model>:rank_correlation`: agreement of two models on the parts.
    """
    found: dict[str, Metric] = {}
    logit_changes: dict[str, Float64Array] = {}
    first = [fold for fold in folds if fold.repeat == 0]
    for name, model in models.items():
        if isinstance(model, MILClassifier):
            logit_changes[name], attention = _network_logit_changes(
                model, dataset, first, n_parts, seed
            )
            for what, values in attention.items():
                found[f"attention-of-{_key(name)}:{what}"] = _mean(values, dataset, seed)
        else:
            logit_changes[name] = _estimator_logit_changes(model, dataset, first, n_parts, seed)
        for part, values in enumerate(relative_importance(logit_changes[name]).T):
            found[f"{_key(name)}:{part}:relative_change"] = _mean(values, dataset, seed)
        for part, values in enumerate(logit_changes[name].T):
            found[f"{_key(name)}:{part}:class_difference"] = _class_difference(
                values, dataset, seed
            )
        last = logit_changes[name][:, -max(1, n_parts // 5) :].sum(axis=1)
        found[f"last-fifth-of-{_key(name)}:class_difference"] = _class_difference(
            last, dataset, seed
        )
    for one, other in itertools.combinations(models, 2):
        agreement = spearman_per_row(zip(logit_changes[one], logit_changes[other], strict=True))
        name = f"occlusion-of-{_key(one)}&{_key(other)}:rank_correlation"
        found[name] = _mean(agreement, dataset, seed)
    return found


def quarter_ablation_metrics(
    model: Estimator, dataset: FilmDataset, folds: Sequence[Fold], *, seed: int
) -> dict[str, Metric]:
    """Return `without-quarter-<1 to 4>:auc_change`: AUC minus that of whole films, paired."""
    whole, *without = cross_validate_without_each_part(model, dataset, folds, N_QUARTERS, seed=seed)
    found: dict[str, Metric] = {}
    for quarter, predictions in enumerate(without, 1):
        row = paired_difference(predictions, whole, ["auc"], seed=seed).iloc[0]
        found[f"without-quarter-{quarter}:auc_change"] = interval_metric(
            row["value"], row["low"], row["high"]
        )
    return found


def keyness_metrics(
    predictions: Mapping[str, FilmPredictions], dataset: FilmDataset, *, seed: int
) -> dict[str, Metric]:
    """Return the agreement of the words' effects for the true and for the predicted class.

    `<model>:effect_correlation` and `<model>:effect_spread_ratio`: see
    `keyness_agreement`.
    """
    found: dict[str, Metric] = {}
    for name, model in predictions.items():
        predicted = predicted_labels(model)
        rows = keyness_agreement(
            dataset.features.word_counts, dataset.labels, predicted, dataset.groups, seed=seed
        )
        for what, row in zip(("effect_correlation", "effect_spread_ratio"), rows, strict=True):
            found[f"{_key(name)}:{what}"] = interval_metric(*map(float, row))
    return found


def strata_metrics(tables: Mapping[str, pd.DataFrame]) -> dict[str, Metric]:
    """Return tables of `within_stratum_auc` as `<name>:within_stratum_auc` and `:auc_change`."""
    return {
        f"{_key(name)}:{row.Index}": interval_metric(row.value, row.low, row.high)
        for name, table in tables.items()
        for row in table.itertuples()
    }


def occlusion_table(metrics: Mapping[str, Metric], metric_name: str) -> pd.DataFrame:
    """Return the metrics `<model>:<part>:<metric_name>`, a row each: `value`, `low` and `high`."""
    rows = []
    for name, metric in metrics.items():
        if name.endswith(f":{metric_name}") and name.count(":") == 2:
            model, part, _ = name.split(":")
            rows.append((_display_name(model), int(part), metric.value, metric.low, metric.high))
    return pd.DataFrame(rows, columns=["model", "part", "value", "low", "high"])


def interval_table(metrics: Mapping[str, Metric], ending: str = "") -> pd.DataFrame:
    """Return the metrics whose names end with `ending`, a row each: the index is the rest.

    Columns `value`, `low` and `high`.
    """
    rows = {
        _display_name(name.removesuffix(ending)): (metric.value, metric.low, metric.high)
        for name, metric in metrics.items()
        if name.endswith(ending)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def _estimator_logit_changes(
    model: Estimator, dataset: FilmDataset, folds: Sequence[Fold], n_parts: int, seed: int
) -> Float64Array:
    """Return the logit changes of all films, (n, n_parts), in standard deviations within a fold."""
    predictions = cross_validate_without_each_part(model, dataset, folds, n_parts, seed=seed)
    whole, *without = (logit(p.probabilities[0]) for p in predictions)
    logit_changes = whole[:, None] - np.column_stack(without)
    for fold in folds:
        logit_changes[fold.test] /= whole[fold.test].std() or 1.0
    return logit_changes


def _network_logit_changes(
    model: MILClassifier, dataset: FilmDataset, folds: Sequence[Fold], n_parts: int, seed: int
) -> tuple[Float64Array, dict[str, Float64Array]]:
    """Return logit changes as `_estimator_logit_changes`, and attention metrics (n,) by name."""
    logit_changes = np.zeros((len(dataset.labels), n_parts))
    correlation, top_ratio = (np.full(len(logit_changes), np.nan) for _ in range(2))
    fn = partial(_occlude_fold, model, dataset, n_parts=n_parts, seed=seed)
    for result in map_folds(fn, folds, name=f"{model.name}, occluded"):
        logit_changes[result.indices] = result.logit_changes / (result.logits.std() or 1.0)
        correlation[result.indices] = result.rank_correlation()
        top_ratio[result.indices] = result.top_attended_ratio()
    attention = {"rank_correlation": correlation, "top_decile_relative_change": top_ratio}
    return logit_changes, attention


def _occlude_fold(
    model: MILClassifier, dataset: FilmDataset, fold: Fold, *, n_parts: int, seed: int
) -> OcclusionResult:
    network, loader = train_first_member(model, dataset, fold, seed=fold_seed(seed, fold))
    return occlude_network(network, loader, n_parts)


def _mean(values: Float64Array, dataset: FilmDataset, seed: int) -> Metric:
    """Return the mean over films, without NaN, with a bootstrap interval over groups."""
    known = np.isfinite(values)
    means = group_means(values[known, None], dataset.groups[known])[:, 0]
    return _bootstrap_metric((means,), np.mean, seed)


def _class_difference(values: Float64Array, dataset: FilmDataset, seed: int) -> Metric:
    """Return the mean of positive films minus that of negative ones, with a bootstrap interval."""
    sides = [dataset.labels == label for label in (1, 0)]
    means = tuple(group_means(values[side, None], dataset.groups[side])[:, 0] for side in sides)
    return _bootstrap_metric(means, _difference, seed)


def _difference(a: Float64Array, b: Float64Array, axis: int) -> Float64Array:
    return a.mean(axis=axis) - b.mean(axis=axis)


def _bootstrap_metric(samples: tuple[Float64Array, ...], statistic: Any, seed: int) -> Metric:
    bounds = bootstrap(
        samples, statistic, n_resamples=2000, method="percentile", rng=seed, vectorized=True
    ).confidence_interval
    value = statistic(*samples, axis=0)
    return interval_metric(float(value), float(bounds.low), float(bounds.high))


def _key(name: str) -> str:
    return name.replace(" ", "-")


def _display_name(key: str) -> str:
    words = key.replace("-", " ").replace("&", " and ").replace(":", ", ").replace("_", " ")
    return words.replace("tfidf logistic", model_display_name("tfidf-logistic"))
