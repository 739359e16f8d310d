"""The bootstrap: resampling, percentile intervals, paired differences and ratios of metrics.

Every interval over films, documents, headlines and training seeds is made here. What is drawn with
replacement depends on the data:

- films: groups of near duplicates (`draw_group_counts`);
- documents and headlines: single items (`draw_counts`), or, where a metric needs the predicted
  labels alone, cells of documents that share their label and all predictions
  (`draw_multinomial_counts`);
- training seeds: S - 1 of S (`draw_seed_counts`).

Two generators of item counts are kept on purpose. Multinomial counts of cells are faster by the
number of documents per cell, but one seed gives other draws than `draw_counts`, and stored results
depend on both. The shipped predictor draws groups of films as cells of size one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from wholescript.errors import ParameterError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CONFIDENCE_LEVEL = 0.95
BIASED_METRICS = ("ece",)
"""Metrics that sampling noise raises: a resample, with its repeated items, has more of it than the
sample, so the percentile interval may lie above the value. Their intervals are shifted down."""
RESAMPLES_PER_BATCH = 100  # 20 MB of weights for 25,000 documents

P = TypeVar("P")  # the predictions of a model


@dataclass(frozen=True)
class BootstrapResult:
    """Metrics of one model: their values and what they are under each resample.

    `values` (replicates, metrics) has a row per repeat of the cross-validation or per training
    seed; `resampled` (metrics, n_bootstrap) is the mean over these, NaN where a resample leaves a
    metric undefined. Two models are paired when both were computed under the same draws of items.
    """

    metrics: tuple[str, ...]
    values: FloatArray
    resampled: FloatArray

    def table(self, confidence_level: float = CONFIDENCE_LEVEL) -> pd.DataFrame:
        """Return each metric with its percentile interval: metric, value, low, high, std.

        `value` is the mean over the replicates, `std` their standard deviation (NaN for one). The
        interval of a metric in `BIASED_METRICS` is shifted by the bootstrap estimate of its bias
        (the mean over the resamples minus `value`; Efron and Tibshirani, 1993, chapter 10), and
        ends at 0: it is that of the metric on samples of this size, whose own bias stays in both.
        """
        std = self.values.std(axis=0, ddof=1) if len(self.values) > 1 else np.nan
        resampled = self._without_bias()
        is_biased = np.isin(self.metrics, BIASED_METRICS)
        resampled[is_biased] = np.maximum(resampled[is_biased], 0)
        table = self._interval_table(self.values.mean(axis=0), resampled, confidence_level)
        return table.assign(std=std)

    def difference_from(
        self, other: "BootstrapResult", confidence_level: float = CONFIDENCE_LEVEL
    ) -> pd.DataFrame:
        """Return self minus other: metric, value, low, high, p (see `two_sided_p_value`)."""
        resampled = self._without_bias() - other._without_bias()
        values = self.values.mean(axis=0) - other.values.mean(axis=0)
        table = self._interval_table(values, resampled, confidence_level)
        return table.assign(p=two_sided_p_value(resampled))

    def ratio_to(
        self, other: "BootstrapResult", confidence_level: float = CONFIDENCE_LEVEL
    ) -> pd.DataFrame:
        """Return self over other: metric, value, low, high; infinite where other is zero."""
        ratios = _divide_or_inf(self._without_bias(), other._without_bias())
        values = _divide_or_inf(self.values.mean(axis=0), other.values.mean(axis=0))
        return self._interval_table(values, ratios, confidence_level)

    def _without_bias(self) -> FloatArray:
        """Return `resampled`, a copy; metrics in `BIASED_METRICS` have `values` as their mean."""
        resampled = self.resampled.copy()
        is_biased = np.isin(self.metrics, BIASED_METRICS)
        means = np.nanmean(resampled[is_biased], axis=1, keepdims=True)
        resampled[is_biased] += self.values.mean(axis=0)[is_biased, None] - means
        return resampled

    def _interval_table(
        self, values: FloatArray, resampled: FloatArray, confidence_level: float
    ) -> pd.DataFrame:
        low, high = percentile_interval(resampled, confidence_level)
        return pd.DataFrame({"metric": self.metrics, "value": values, "low": low, "high": high})


def draw_counts(n: int, n_bootstrap: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield how often each of n items is drawn, (B, n), some resamples at a time."""
    for start in range(0, n_bootstrap, RESAMPLES_PER_BATCH):
        batch = min(RESAMPLES_PER_BATCH, n_bootstrap - start)
        flat = rng.integers(n, size=(batch, n)) + n * np.arange(batch)[:, None]
        yield np.bincount(flat.ravel(), minlength=batch * n).reshape(batch, n).astype(np.float64)


def draw_group_counts(
    groups: NDArray[np.object_], n_bootstrap: int, rng: np.random.Generator
) -> FloatArray:
    """Return how often each item is drawn when whole groups are drawn, (n_bootstrap, n)."""
    names, group = np.unique(groups, return_inverse=True)
    return np.concatenate(list(draw_counts(len(names), n_bootstrap, rng)))[:, group]


def draw_multinomial_counts(
    counts: ArrayLike, n_bootstrap: int, rng: np.random.Generator
) -> IntArray:
    """Return how many items of each cell are drawn, (n_bootstrap, cells); `counts` is (cells,)."""
    sizes = np.asarray(counts)
    n = int(sizes.sum())
    return rng.multinomial(n, sizes / n, size=n_bootstrap)


def draw_seed_counts(n_seeds: int, n_bootstrap: int, rng: np.random.Generator) -> IntArray:
    """Return how often each training seed is drawn, (n_bootstrap, n_seeds): S - 1 of S seeds.

    S - 1 draws give the mean over seeds its unbiased variance; S draws would make it too small
    (McCarthy and Snowden, 1985). One seed is always drawn once.
    """
    if n_seeds == 1:
        return np.ones((n_bootstrap, 1), np.int64)
    return rng.multinomial(n_seeds - 1, np.full(n_seeds, 1 / n_seeds), size=n_bootstrap)


def mean_over_resampled_seeds(resampled: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the mean over seeds, drawn for each resample: (seeds, metrics, B) to (metrics, B)."""
    n_seeds, _, n_bootstrap = resampled.shape
    if n_seeds == 1:
        return resampled[0]
    drawn = draw_seed_counts(n_seeds, n_bootstrap, rng)
    return np.einsum("smb,bs->mb", resampled, drawn / (n_seeds - 1))


def percentile_interval(
    resampled: FloatArray,
    confidence_level: float = CONFIDENCE_LEVEL,
    method: Literal["linear", "inverted_cdf"] = "linear",
) -> tuple[FloatArray, FloatArray]:
    """Return the percentile interval over the last axis: low, high; NaN resamples are left out."""
    tail = (1 - confidence_level) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail], axis=-1, method=method)
    return low, high


def two_sided_p_value(differences: FloatArray) -> FloatArray:
    """Return the two-sided bootstrap p-value of no difference, from (metrics, n_bootstrap).

    Twice the share of resamples on the smaller side of zero, with one resample added there, so that
    no p-value is zero (Davison and Hinkley, 1997, section 4.2).
    """
    smaller = np.minimum((differences <= 0).sum(axis=-1), (differences >= 0).sum(axis=-1))
    n_bootstrap = differences.shape[-1]
    return np.minimum(2 * (smaller + 1) / (n_bootstrap + 1), 1)


def compare_with_baseline(
    models: Mapping[str, P], baseline: str, paired_difference: Callable[[P, P], pd.DataFrame]
) -> pd.DataFrame:
    """Return the paired difference of each model, the baseline included, from the baseline.

    `paired_difference(model, baseline)` has the columns of `BootstrapResult.difference_from`, and
    may have more, which are kept. A row per model and metric: `model`, `metric`, `difference`,
    `difference_low`, `difference_high`, `p`.

    Raises:
        ParameterError: the baseline is not among the models.
    """
    if baseline not in models:
        raise ParameterError(f"unknown baseline {baseline!r}; models: {', '.join(models)}")
    differences = {
        name: paired_difference(model, models[baseline]) for name, model in models.items()
    }
    table = pd.concat(differences, names=["model"]).reset_index("model").reset_index(drop=True)
    columns = {"value": "difference", "low": "difference_low", "high": "difference_high"}
    return table.rename(columns=columns)


def holm(p_values: ArrayLike) -> FloatArray:
    """Return p-values (k,) adjusted for k comparisons by the step-down method of Holm (1979).

    The i-th smallest is multiplied by k - i + 1, and none is smaller than the one before it.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def _divide_or_inf(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    inf = np.full(np.shape(numerator), np.inf)
    return np.divide(numerator, denominator, out=inf, where=denominator > 0)
