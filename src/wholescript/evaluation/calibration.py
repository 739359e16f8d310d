"""Calibration: predicted probabilities against observed shares."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

N_BINS = 10


def equal_mass_bins(scores: NDArray[np.float64], n_bins: int = N_BINS) -> NDArray[np.int64]:
    """Return the bin of each score (n,), 0 the lowest; bins hold equally many, ties share a bin.

    With fewer distinct scores than bins some bins are empty.
    """
    n_below = np.searchsorted(np.sort(scores), scores)
    return n_below * n_bins // len(scores)


def calibration_curve(
    labels: NDArray[np.int8], probabilities: NDArray[np.float64], n_bins: int = N_BINS
) -> pd.DataFrame:
    """Return the calibration curve: a row per bin of equal mass.

    Columns: `n` (items), `predicted` (mean probability), `observed` (share of positives) and its
    95% Wilson interval `low`, `high`. Probabilities that are NaN are left out.
    """
    scored = np.isfinite(probabilities)
    table = pd.DataFrame({"predicted": probabilities[scored], "observed": labels[scored] == 1})
    grouped = table.groupby(equal_mass_bins(probabilities[scored], n_bins))
    curve = grouped.agg(
        n=("observed", "size"), predicted=("predicted", "mean"), observed=("observed", "mean")
    )
    n_positive = grouped["observed"].sum()
    intervals = [
        binomtest(int(k), int(n)).proportion_ci(method="wilson")
        for k, n in zip(n_positive, curve["n"], strict=True)
    ]
    low, high = [i.low for i in intervals], [i.high for i in intervals]
    return curve.assign(low=low, high=high).reset_index(drop=True)
