"""Bootstrap intervals of film metrics, for one model and for paired differences.

Groups of films (a film and its drafts) are drawn with replacement; the draws are the same for all
repeats and, given a seed, for all models. The intervals cover the sampling of films. The column
`std` is the standard deviation over repeats, that is over splits and training seeds.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wholescript.errors import DataError
from wholescript.evaluation.bootstrap import CONFIDENCE_LEVEL, BootstrapResult, draw_group_counts
from wholescript.evaluation.film_metrics import METRICS, weighted_metrics
from wholescript.evaluation.film_predictions import FilmPredictions


def bootstrap(
    predictions: FilmPredictions,
    metrics: Sequence[str] = tuple(METRICS),
    *,
    n_bootstrap: int = 2000,
    seed: int = 0,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> pd.DataFrame:
    """Return each metric with its percentile interval: metric, value, low, high, std.

    `value` is the mean over repeats, `std` their standard deviation (NaN for one repeat).
    Resamples in which a metric is undefined are left out of its interval; that of the calibration
    error is shifted by its bias (see `BootstrapResult.table`).
    """
    return _resample(predictions.drop_unscored(), metrics, n_bootstrap, seed).table(
        confidence_level
    )


def paired_difference(
    a: FilmPredictions,
    b: FilmPredictions,
    metrics: Sequence[str] = tuple(METRICS),
    *,
    n_bootstrap: int = 2000,
    seed: int = 0,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> pd.DataFrame:
    """Return a minus b under the same resamples: metric, value, low, high, p, std.

    `p` is the two-sided bootstrap p-value of no difference, `std` the standard deviation of the
    difference over the repeats.

    Raises:
        DataError: the two did not score the same films in the same number of repeats.
    """
    a, b = a.drop_unscored(), b.drop_unscored()
    if a.film_ids != b.film_ids or a.probabilities.shape != b.probabilities.shape:
        raise DataError(
            "A paired difference needs the same films in the same order and the same number of "
            f"repeats: one model scored {len(a.film_ids)} films in {len(a.probabilities)} repeats, "
            f"the other {len(b.film_ids)} in {len(b.probabilities)}; evaluate both on the same "
            "folds."
        )
    first, second = (_resample(model, metrics, n_bootstrap, seed) for model in (a, b))
    differences = first.values - second.values
    std = differences.std(axis=0, ddof=1) if len(differences) > 1 else np.nan
    return first.difference_from(second, confidence_level).assign(std=std)


def _resample(
    predictions: FilmPredictions, metrics: Sequence[str], n_bootstrap: int, seed: int
) -> BootstrapResult:
    drawn = draw_group_counts(predictions.groups, n_bootstrap, np.random.default_rng(seed))
    once = np.ones((1, len(predictions.labels)))
    values = weighted_metrics(predictions, once, metrics)[:, :, 0]
    resampled = weighted_metrics(predictions, drawn, metrics).mean(axis=0)
    return BootstrapResult(tuple(metrics), values, resampled)
