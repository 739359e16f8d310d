"""Many models side by side: values with intervals, and paired differences from a baseline."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from wholescript.errors import ParameterError
from wholescript.evaluation.film_bootstrap import bootstrap, paired_difference
from wholescript.evaluation.predictions import FilmPredictions

MIN_POSITIVES = 10
"""Positives that a decade must have for an AUC of its own."""


class MetricWithInterval(Protocol):
    """A number with its 95% interval, where it has one."""

    value: float
    low: float | None
    high: float | None


def compare(
    predictions: Mapping[str, FilmPredictions],
    metric: str,
    *,
    baseline: str,
    seed: int = 0,
    n_boot: int = 2000,
) -> pd.DataFrame:
    """Return a metric of each model and its paired difference from the baseline.

    All models must have scored the same films on the same folds. Index: the models; columns
    `value`, `low`, `high`, `difference`, `difference_low`, `difference_high`, `p`, `spread` (the
    standard deviation of the difference over the repeats).

    Raises ParameterError when the baseline is not among the models.
    """
    if baseline not in predictions:
        raise ParameterError(f"baseline {baseline!r} is none of {', '.join(predictions)}")
    rows = []
    for model in predictions.values():
        alone = bootstrap(model, [metric], n_boot=n_boot, seed=seed).iloc[0]
        pair = paired_difference(
            model, predictions[baseline], [metric], n_boot=n_boot, seed=seed
        ).iloc[0]
        rows.append(
            {
                **{key: alone[key] for key in ("value", "low", "high")},
                "difference": pair["value"],
                "difference_low": pair["low"],
                "difference_high": pair["high"],
                "p": pair["p"],
                "spread": pair["spread"],
            }
        )
    return pd.DataFrame(rows, index=pd.Index(predictions, name="model"))


def score_table(
    models: Mapping[str, Mapping[str, MetricWithInterval]], with_interval_of: str | None = None
) -> pd.DataFrame:
    """Return the stored metrics of each model: index the models, columns the metrics.

    With `with_interval_of` naming a metric, return that one with its interval instead: columns `value`,
    `low`, `high`.
    """
    index = pd.Index(models, name="model")
    if with_interval_of is None:
        values = [{name: m.value for name, m in metrics.items()} for metrics in models.values()]
        return pd.DataFrame(values, index=index)
    picked = [metrics[with_interval_of] for metrics in models.values()]
    rows = [(m.value, m.low, m.high) for m in picked]
    return pd.DataFrame(rows, index=index, columns=["value", "low", "high"])


def auc_by_decade(
    predictions: Mapping[str, FilmPredictions], *, seed: int = 0, n_boot: int = 1000
) -> pd.DataFrame:
    """Return the AUC of each model within each decade that has enough positives.

    Columns `decade`, `model`, `films`, `positive`, `value`, `low`, `high`.
    """
    rows = []
    for name, model in predictions.items():
        decades = model.years // 10 * 10
        for decade in np.unique(decades):
            part = model.select_films(np.flatnonzero(decades == decade))
            positive = int(part.labels.sum())
            if min(positive, len(part.labels) - positive) < MIN_POSITIVES:
                continue
            auc = bootstrap(part, ["auc"], n_boot=n_boot, seed=seed).iloc[0]
            rows.append(
                {
                    "decade": int(decade),
                    "model": name,
                    "films": len(part.labels),
                    "positive": positive,
                    **{key: auc[key] for key in ("value", "low", "high")},
                }
            )
    columns = ["decade", "model", "films", "positive", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
