"""Scores of a 2 x 2 confusion table, over arrays of tables."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def macro_f1_from_counts(
    tp: FloatArray, fp: FloatArray, fn: FloatArray, tn: FloatArray
) -> FloatArray:
    """Return the mean F1 of both classes; a class neither present nor predicted counts 0."""
    return (_safe_divide(2 * tp, 2 * tp + fp + fn) + _safe_divide(2 * tn, 2 * tn + fp + fn)) / 2


def mcc_from_counts(tp: FloatArray, fp: FloatArray, fn: FloatArray, tn: FloatArray) -> FloatArray:
    """Return Matthews' correlation, 0 where a row or a column of the table is empty."""
    denominator = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return _safe_divide(tp * tn - fp * fn, denominator)


def _safe_divide(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
