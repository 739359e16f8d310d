"""Models compared on the same films: metrics with intervals, and paired differences."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd

from wholescript.evaluation.bootstrap import compare_with_baseline
from wholescript.evaluation.film_bootstrap import bootstrap, paired_difference
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.evaluation.strata import auc_by_stratum


class MetricWithInterval(Protocol):
    """A number with its 95% interval, where it has one."""

    @property
    def value(self) -> float:
        """The number."""

    @property
    def low(self) -> float | None:
        """The lower bound."""

    @property
    def high(self) -> float | None:
        """The upper bound."""


def compare(
    predictions: Mapping[str, FilmPredictions],
    metric: str,
    *,
    baseline: str,
    seed: int = 0,
    n_bootstrap: int = 2000,
) -> pd.DataFrame:
    """Return a metric of each model and its paired difference from the baseline.

    All models must have scored the same films on the same folds. Index: the models; columns
    `value`, `low`, `high`, `difference`, `difference_low`, `difference_high`, `p`, `std` (the
    standard deviation of the difference over the repeats).

    Raises:
        ParameterError: the baseline is not among the models.
    """
    options: dict[str, Any] = {"metrics": [metric], "n_bootstrap": n_bootstrap, "seed": seed}
    table = compare_with_baseline(predictions, baseline, partial(paired_difference, **options))
    differences = table.drop(columns="metric").set_index("model")
    values = pd.concat([bootstrap(model, **options) for model in predictions.values()])
    return values[["value", "low", "high"]].set_axis(differences.index).join(differences)


def difference_table(comparison: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return the paired differences in a table of `compare`, without the row of the baseline.

    Columns `value`, `low`, `high`, as a forest plot draws them.
    """
    columns = {"difference": "value", "difference_low": "low", "difference_high": "high"}
    return comparison.drop(index=baseline)[list(columns)].rename(columns=columns)


def metric_table(
    models: Mapping[str, Mapping[str, MetricWithInterval]], with_interval_of: str | None = None
) -> pd.DataFrame:
    """Return the stored metrics of each model: index the models, columns the metrics.

    With `with_interval_of`, return that metric alone: columns `value`, `low`, `high`.
    """
    index = pd.Index(models, name="model")
    if with_interval_of is None:
        values = [{name: m.value for name, m in metrics.items()} for metrics in models.values()]
        return pd.DataFrame(values, index=index)
    chosen = [metrics[with_interval_of] for metrics in models.values()]
    rows = [(m.value, m.low, m.high) for m in chosen]
    return pd.DataFrame(rows, index=index, columns=["value", "low", "high"])


def auc_by_decade(
    predictions: Mapping[str, FilmPredictions], *, seed: int = 0, n_bootstrap: int = 1000
) -> pd.DataFrame:
    """Return the AUROC of each model within each decade that has enough films of both classes.

    Columns `decade`, `model`, `n_films`, `n_positive`, `value`, `low`, `high`.
    """
    tables = []
    for model, predicted in predictions.items():
        decades, numbers = np.unique(predicted.years // 10 * 10, return_inverse=True)
        names = [int(decade) for decade in decades]
        table = auc_by_stratum(predicted, numbers, names, seed=seed, n_bootstrap=n_bootstrap)
        table = table.rename_axis("decade").reset_index()
        table.insert(1, "model", model)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
