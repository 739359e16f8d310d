"""The training-set size from which one learning curve stays above another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.bootstrap import CONFIDENCE_LEVEL, draw_seed_counts, percentile_interval

FloatArray = NDArray[np.float64]
N_BOOTSTRAP = 2000


@dataclass(frozen=True)
class Crossover:
    """The size `n_train` from which curve `best_after` ("a" or "b") stays above the other.

    `low` and `high` are its bootstrap interval over seeds: 0 means below the smallest size,
    infinity beyond the largest size or never. Both are None where each curve has one seed.
    """

    n_train: float
    low: float | None
    high: float | None
    best_after: str


def find_crossover(n_train: ArrayLike, a: ArrayLike, b: ArrayLike) -> Crossover | None:
    """Return the last crossing of two curves of a score that is better when higher.

    `n_train` (k,) are the training-set sizes, ascending; `a` (seeds, k) and `b` (seeds, k) the
    scores of each seed at each size. The means are interpolated linearly in the logarithm of the
    size. None where the curve that is above at the largest size is never below, or where both end
    equal. A resample draws S - 1 of S whole curves; three seeds give few different resamples, so
    that the interval is coarse.

    Raises:
        ParameterError: the sizes do not ascend from above 0.
        DataError: the scores have another shape or are not finite.
    """
    sizes = np.asarray(n_train, dtype=np.float64)
    if sizes.ndim != 1 or len(sizes) < 2 or sizes[0] <= 0 or (np.diff(sizes) <= 0).any():
        raise ParameterError(
            f"n_train={sizes.tolist()}: give two or more sizes in ascending order, above 0"
        )
    first, second = _check_scores("a", a, sizes), _check_scores("b", b, sizes)
    gap = first.mean(axis=0) - second.mean(axis=0)
    direction = np.sign(gap[-1])
    log_sizes = np.log(sizes)
    point = _log_crossover_size(log_sizes, direction * gap[None])[0]
    if direction == 0 or not np.isfinite(point):
        return None
    best_after = "a" if direction > 0 else "b"
    if len(first) == len(second) == 1:
        return Crossover(float(np.exp(point)), None, None, best_after)
    rng = np.random.default_rng(0)
    means_a, means_b = (
        _resampled_mean_curves(scores, N_BOOTSTRAP, rng) for scores in (first, second)
    )
    points = _log_crossover_size(log_sizes, direction * (means_a - means_b))
    # Some points are infinite, and cannot be interpolated between.
    low, high = np.exp(percentile_interval(points, CONFIDENCE_LEVEL, "inverted_cdf"))
    return Crossover(float(np.exp(point)), float(low), float(high), best_after)


def _check_scores(name: str, values: ArrayLike, sizes: FloatArray) -> FloatArray:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 2 or not len(scores) or scores.shape[1] != len(sizes):
        raise DataError(
            f"the scores of curve {name} have the shape {scores.shape}; (seeds, {len(sizes)}) is "
            "needed"
        )
    if not np.isfinite(scores).all():
        size = sizes[np.nonzero(~np.isfinite(scores))[1][0]]
        raise DataError(
            f"curve {name} has a score that is not finite at n_train={size:g}: leave that size out "
            "of both curves, or train it again"
        )
    return scores


def _resampled_mean_curves(
    scores: FloatArray, n_bootstrap: int, rng: np.random.Generator
) -> FloatArray:
    """Return the mean curve of each resample of seeds, (n_bootstrap, k)."""
    drawn = draw_seed_counts(len(scores), n_bootstrap, rng)
    return drawn @ scores / drawn.sum(axis=1, keepdims=True)


def _log_crossover_size(log_sizes: FloatArray, gaps: FloatArray) -> FloatArray:
    """Return the logarithm of the size from which each row of `gaps` (B, k) stays positive.

    Minus infinity where it is never negative, infinity where it is not positive at the end.
    """
    negative = gaps < 0
    last = gaps.shape[1] - 1 - negative[:, ::-1].argmax(axis=1)
    rows, after = np.arange(len(gaps)), np.minimum(last + 1, gaps.shape[1] - 1)
    left, right = gaps[rows, last], gaps[rows, after]
    rise = np.where(right > left, right - left, 1)
    points = log_sizes[last] + (log_sizes[after] - log_sizes[last]) * (-left / rise)
    points = np.where(negative.any(axis=1), points, -np.inf)
    return np.where(gaps[:, -1] > 0, points, np.inf)
