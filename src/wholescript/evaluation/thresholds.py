"""Decision thresholds, chosen on out-of-fold scores."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wholescript.evaluation.confusion import macro_f1_from_counts, mcc_from_counts


def best_threshold(
    labels: NDArray[np.int8],
    scores: NDArray[np.float64],
    metric: Literal["macro_f1", "mcc"] = "macro_f1",
) -> float:
    """Return the threshold on `scores` that maximises the metric; positive is score >= threshold.

    Candidates are the midpoints between neighbouring distinct scores; the lowest wins a tie. A
    single distinct score is returned itself.
    """
    distinct, rank = np.unique(scores, return_inverse=True)
    if len(distinct) == 1:
        return float(distinct[0])
    positives = np.bincount(rank, weights=(labels == 1).astype(float))
    negatives = np.bincount(rank, weights=(labels != 1).astype(float))
    # Threshold k lies above the k + 1 lowest distinct scores.
    fn, tn = positives.cumsum()[:-1], negatives.cumsum()[:-1]
    tp, fp = positives.sum() - fn, negatives.sum() - tn
    value = {"macro_f1": macro_f1_from_counts, "mcc": mcc_from_counts}[metric](tp, fp, fn, tn)
    best = int(np.argmax(value))
    return float((distinct[best] + distinct[best + 1]) / 2)
