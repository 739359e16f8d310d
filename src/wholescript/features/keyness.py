"""Keyness: words that films of one class use more than films of the other."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from wholescript.features.word_counts import WordCounts

PER_WORDS = 10_000
MIN_FILMS = 50  # that use a word


def keyness(
    word_counts: WordCounts, labels: NDArray[np.int8], min_df: int | None = None
) -> pd.DataFrame:
    """Compare log(1 + uses per 10,000 words) between films of label 1 and of label 0.

    Every film has the same weight, and the logarithm damps bursts: a name that one film repeats
    500 times is not a keyword. It would be with corpus-level log odds (Rayson and Garside, 2000).

    Returns one row per word used by at least `min_df` films, in order of decreasing t:
    `word`, `films`, `per_10k` and `per_10k_other` (mean uses per 10,000 words), `effect`
    (Cohen's d), `t` (Welch) and `q` (false discovery rate, Benjamini and Hochberg, 1995).
    """
    kept, used, rates = word_rates(word_counts, min_df)
    positive = labels == 1
    mean, variance = _moments(rates.log1p(), positive)
    mean_other, variance_other = _moments(rates.log1p(), ~positive)
    n, n_other = positive.sum(), (~positive).sum()
    error, error_other = variance / n, variance_other / n_other
    t = (mean - mean_other) / np.sqrt(error + error_other)
    freedom = (error + error_other) ** 2 / (error**2 / (n - 1) + error_other**2 / (n_other - 1))
    table = pd.DataFrame(
        {
            "word": np.array(word_counts.vocabulary, object)[kept],
            "films": used,
            "per_10k": np.asarray(rates[positive].mean(0)).ravel(),
            "per_10k_other": np.asarray(rates[~positive].mean(0)).ravel(),
            "effect": (mean - mean_other) / np.sqrt((variance + variance_other) / 2),
            "t": t,
            "q": false_discovery_control(2 * student.sf(np.abs(t), freedom)),
        }
    )
    return table.sort_values("t", ascending=False, ignore_index=True)


def word_rates(
    word_counts: WordCounts, min_df: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], sp.csr_matrix]:
    """Return the words used by at least `min_df` films: columns, films, uses per 10,000 words.

    The default is 50 films, of fewer than 200 films a quarter. The rates have shape (n, number of
    such words).
    """
    counts = word_counts.total
    if min_df is None:
        min_df = min(MIN_FILMS, counts.shape[0] // 4)
    used = np.bincount(counts.indices, minlength=counts.shape[1])
    kept = np.flatnonzero(used >= min_df)
    totals = np.maximum(np.asarray(counts.sum(1)).ravel(), 1)
    rates = sp.diags(PER_WORDS / totals) @ counts[:, kept].astype(np.float64)
    return kept, used[kept], rates.tocsr()


def _moments(
    values: sp.csr_matrix, rows: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of each column over `rows`; the variance is at least 1e-12."""
    part = values[rows]
    mean = np.asarray(part.mean(0)).ravel()
    square = np.asarray(part.multiply(part).mean(0)).ravel()
    n = part.shape[0]
    return mean, np.maximum((square - mean**2) * n / (n - 1), 1e-12)
