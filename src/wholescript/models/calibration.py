"""Temperature scaling of class logits (Guo et al., 2017), and the log loss that it minimises."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from wholescript.models.types import Float32Array, IntArray

TEMPERATURE_BOUNDS = (0.05, 20.0)  # beyond these a single additional error decides the value


def mean_log_loss(logits: NDArray[np.float64], labels: IntArray) -> float:
    """Return the mean of -log softmax(logits) at the labels; logits (n, n_classes), labels (n,)."""
    return -float(log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: Float32Array, labels: IntArray) -> float:
    """Return the T within `TEMPERATURE_BOUNDS` with the least log loss of softmax(logits / T).

    `logits` (n, n_classes) must be of texts that the classifier was not fitted on.
    """

    def log_loss(log_t: float) -> float:
        return mean_log_loss(logits.astype(np.float64) / np.exp(log_t), labels)

    found = minimize_scalar(log_loss, bounds=np.log(TEMPERATURE_BOUNDS), method="bounded")
    return float(np.exp(found.x))


def softmax_with_temperature(logits: Float32Array, temperature: float) -> Float32Array:
    """Return softmax(logits / temperature), (n, n_classes) float32."""
    return np.asarray(softmax(logits.astype(np.float64) / temperature, axis=1), np.float32)
