"""How sure a number is: bootstrap over films, alone and in pairs.

Groups of films (a film and its drafts) are drawn with replacement, the same draws for all repeats
and, at one seed, for all estimators. The intervals are of the sample of films; what another split
or seed of the same films would give is the column `spread`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.errors import DataError
from wholescript.evaluation.metrics import METRICS, weighted_scores
from wholescript.evaluation.predictions import FilmPredictions


def bootstrap(
    predictions: FilmPredictions,
    metrics: Sequence[str] = tuple(METRICS),
    *,
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return each metric with its percentile interval: metric, value, low, high, spread.

    `value` is the mean over repeats, `spread` their standard deviation (NaN with one repeat).
    Resamples in which a metric is undefined are left out of it.
    """
    tested = predictions.tested()
    resampled = weighted_scores(tested, _resample_weights(tested.groups, n_boot, seed), metrics)
    return _with_percentile_interval(
        _point_estimates(tested, metrics), resampled, metrics, confidence
    )


def paired_difference(
    a: FilmPredictions,
    b: FilmPredictions,
    metrics: Sequence[str] = tuple(METRICS),
    *,
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return a minus b on the same resamples: metric, value, low, high, spread, p.

    `p` is the two-sided bootstrap p-value of no difference: twice the share of resamples on the
    lesser side of zero. Raises DataError unless both scored the same films in as many repeats.
    """
    a, b = a.tested(), b.tested()
    if a.film_ids != b.film_ids or a.scores.shape != b.scores.shape:
        raise DataError(
            f"A paired difference needs the same films in the same order and as many repeats: one "
            f"scored {a.scores.shape[1]} films in {a.scores.shape[0]} repeats, the other "
            f"{b.scores.shape[1]} in {b.scores.shape[0]}; evaluate both on the same folds."
        )
    weights = _resample_weights(a.groups, n_boot, seed)
    resampled = weighted_scores(a, weights, metrics) - weighted_scores(b, weights, metrics)
    plain = _point_estimates(a, metrics) - _point_estimates(b, metrics)
    mean = resampled.mean(axis=0)
    p = 2 * np.minimum((mean <= 0).mean(axis=1), (mean >= 0).mean(axis=1))
    return _with_percentile_interval(plain, resampled, metrics, confidence).assign(
        p=np.minimum(p, 1)
    )


def _resample_weights(groups: NDArray[np.object_], n_boot: int, seed: int) -> NDArray[np.float64]:
    """Return how often each film is drawn in each resample, (n_boot, n)."""
    names, group = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(seed).integers(len(names), size=(n_boot, len(names)))
    flat = (drawn + len(names) * np.arange(n_boot)[:, None]).ravel()
    counts = np.bincount(flat, minlength=n_boot * len(names)).reshape(n_boot, -1)
    return counts[:, group].astype(np.float64)


def _point_estimates(predictions: FilmPredictions, metrics: Sequence[str]) -> NDArray[np.float64]:
    return weighted_scores(predictions, np.ones((1, len(predictions.labels))), metrics)[:, :, 0]


def _with_percentile_interval(
    plain: NDArray[np.float64],
    resampled: NDArray[np.float64],
    metrics: Sequence[str],
    confidence: float,
) -> pd.DataFrame:
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(resampled.mean(axis=0), [tail, 1 - tail], axis=1)
    spread = plain.std(axis=0, ddof=1) if len(plain) > 1 else np.nan
    columns = {"metric": metrics, "value": plain.mean(axis=0), "low": low, "high": high}
    return pd.DataFrame(columns | {"spread": spread})
