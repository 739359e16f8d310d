"""Metrics of 2 x 2 confusion matrices, given as arrays of counts."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def macro_f1_from_counts(
    tp: FloatArray, fp: FloatArray, fn: FloatArray, tn: FloatArray
) -> FloatArray:
    """Return the mean F1 of both classes; 0 for a class neither present nor predicted."""
    return (safe_divide(2 * tp, 2 * tp + fp + fn) + safe_divide(2 * tn, 2 * tn + fp + fn)) / 2


def mcc_from_counts(tp: FloatArray, fp: FloatArray, fn: FloatArray, tn: FloatArray) -> FloatArray:
    """Return Matthews' correlation coefficient, 0 where a row or column of the matrix is empty."""
    denominator = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return safe_divide(tp * tn - fp * fn, denominator)


def safe_divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the ratio, 0 where the denominator is not positive."""
    out = np.zeros_like(numerator)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
