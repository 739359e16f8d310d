"""Where one learning curve overtakes another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wholescript.errors import DataError, ParameterError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Crossover:
    """From `n_train` on, curve `best_after` ("a" or "b") is ahead, and stays ahead as far as measured.

    `low` and `high` bound `n_train` by a bootstrap over seeds: 0 is anywhere below the smallest
    size, infinity beyond the largest or never. Both are None where each curve has one seed.
    """

    n_train: float
    low: float | None
    high: float | None
    best_after: str


def find_crossover(
    n_train: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    n_boot: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Crossover | None:
    """Return where two curves of a score, the higher the better, cross for the last time.

    `n_train` (k,) are the sizes of the training set, ascending; `a` (seeds, k) and `b` (seeds, k)
    the scores of each seed at each size. The means are joined by straight lines over the logarithm
    of the size. None where the curve that ends ahead was ahead, or level, all along, or where both
    end level. A resample draws S - 1 of S whole curves (McCarthy and Snowden 1985); with three
    seeds there are few different ones, and the interval is rough.

    Raises ParameterError for sizes that do not ascend from above 0, DataError for scores of another
    shape or not finite.
    """
    sizes = np.asarray(n_train, dtype=np.float64)
    if sizes.ndim != 1 or len(sizes) < 2 or sizes[0] <= 0 or (np.diff(sizes) <= 0).any():
        raise ParameterError(
            f"n_train={sizes.tolist()}: two sizes at least, ascending, from above 0."
        )
    first, second = _check_scores("a", a, sizes), _check_scores("b", b, sizes)
    ahead = first.mean(axis=0) - second.mean(axis=0)
    direction = np.sign(ahead[-1])
    logs = np.log(sizes)
    point = _log_crossover_size(logs, direction * ahead[None])[0]
    if direction == 0 or not np.isfinite(point):
        return None
    best_after = "a" if direction > 0 else "b"
    if len(first) == len(second) == 1:
        return Crossover(float(np.exp(point)), None, None, best_after)
    rng = np.random.default_rng(seed)
    resampled = _resampled_mean_curves(first, n_boot, rng) - _resampled_mean_curves(
        second, n_boot, rng
    )
    tail = (1 - confidence) / 2
    # Points beyond the sizes are infinite, and cannot be interpolated between.
    points = _log_crossover_size(logs, direction * resampled)
    low, high = np.exp(np.quantile(points, [tail, 1 - tail], method="inverted_cdf"))
    return Crossover(float(np.exp(point)), float(low), float(high), best_after)


def _check_scores(name: str, values: ArrayLike, sizes: FloatArray) -> FloatArray:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 2 or not len(scores) or scores.shape[1] != len(sizes):
        raise DataError(
            f"the scores of curve {name} have the shape {scores.shape} for {len(sizes)} sizes: one "
            "row a seed, one column a size."
        )
    if not np.isfinite(scores).all():
        size = sizes[np.nonzero(~np.isfinite(scores))[1][0]]
        raise DataError(
            f"curve {name} has a score that is not finite at {size:g} examples: leave that size "
            "out of both curves, or train it again."
        )
    return scores


def _resampled_mean_curves(scores: FloatArray, n_boot: int, rng: np.random.Generator) -> FloatArray:
    """Return the mean curve of each resample of seeds, (n_boot, k)."""
    seeds = len(scores)
    if seeds == 1:
        return np.repeat(scores, n_boot, axis=0)
    return rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=n_boot) @ scores / (seeds - 1)


def _log_crossover_size(logs: FloatArray, ahead: FloatArray) -> FloatArray:
    """Return the logarithm of the size from which on each row of `ahead` (B, k) is positive.

    Minus infinity where it never was negative, infinity where it is not positive in the end.
    """
    behind = ahead < 0
    last = ahead.shape[1] - 1 - behind[:, ::-1].argmax(axis=1)
    rows, after = np.arange(len(ahead)), np.minimum(last + 1, ahead.shape[1] - 1)
    before, then = ahead[rows, last], ahead[rows, after]
    drop = np.where(then > before, then - before, 1)
    points = logs[last] + (logs[after] - logs[last]) * (-before / drop)
    points = np.where(behind.any(axis=1), points, -np.inf)
    return np.where(ahead[:, -1] > 0, points, np.inf)
