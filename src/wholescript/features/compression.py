"""Quantization of chunk embeddings by transform coding: PCA rotation and uniform rounding.

The vectors are centred and rotated to their principal axes, and all coordinates are rounded to
multiples of one step. Axes of low variance then have mostly zeros, which an entropy coder stores
in few bits. At equal size the error is much smaller than that of dropping axes (reverse
water-filling; Cover and Thomas, Elements of Information Theory, ch. 10).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RELATIVE_STEP = 1 / 10
"""Step of the rounding, in standard deviations along the first axis."""


@dataclass(frozen=True)
class PCARotation:
    """Parameters of the code: `mean` (d,), `axes` (d, d), one principal axis per column, `step`."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    step: float


def fit_pca_rotation(
    vectors: NDArray[np.float16], relative_step: float = RELATIVE_STEP
) -> PCARotation:
    """Fit the principal axes of `vectors` (n, d), by decreasing variance, with fixed signs.

    With fewer vectors than dimensions the remaining axes are arbitrary but orthonormal.
    """
    mean = vectors.mean(0, dtype=np.float64)
    d = vectors.shape[1]
    covariance = np.zeros((d, d))
    for start in range(0, len(vectors), 4_096):
        block = vectors[start : start + 4_096].astype(np.float64) - mean
        covariance += block.T @ block
    variance, axes = np.linalg.eigh(covariance / max(len(vectors) - 1, 1))
    axes = axes[:, ::-1]
    largest = np.abs(axes).argmax(0)
    axes = axes * np.sign(axes[largest, np.arange(d)])
    deviation = float(np.sqrt(max(variance[-1], 0.0)))
    step = relative_step * deviation if deviation > 0 else relative_step
    return PCARotation(mean.astype(np.float32), axes.astype(np.float32), step)


def quantize(vectors: NDArray[np.float16], rotation: PCARotation) -> NDArray[np.int8]:
    """Rotate and round `vectors` (n, d) to int8 codes (n, d)."""
    rotated = (vectors.astype(np.float32) - rotation.mean) @ rotation.axes
    return np.rint(rotated / rotation.step).clip(-127, 127).astype(np.int8)


def dequantize(codes: NDArray[np.int8], rotation: PCARotation) -> NDArray[np.float32]:
    """Return the vectors (n, d) of `codes` in the axes of the encoder."""
    rotated = codes.astype(np.float32) * np.float32(rotation.step)
    return np.asarray(rotated @ rotation.axes.T + rotation.mean, np.float32)


@dataclass(frozen=True)
class QuantizationQuality:
    """The difference between the encoder's vectors and the dequantized ones.

    `lost_variance` is the squared error divided by the variance. `cosine` and `cosine_p1` are the
    mean and the 1st percentile of the cosine similarity, `centred_cosine` the mean after
    subtracting the mean vector, which is large and common to all. `clipped` is the number of
    codes at the int8 limit.
    """

    lost_variance: float
    cosine: float
    cosine_p1: float
    centred_cosine: float
    clipped: int


def quantization_quality(
    vectors: NDArray[np.float16], codes: NDArray[np.int8], rotation: PCARotation
) -> QuantizationQuality:
    """Compare `vectors` (n, d) with their dequantized `codes`."""
    original = vectors.astype(np.float32)
    dequantized = dequantize(codes, rotation)
    cosine = _cosine(original, dequantized)
    centred_cosine = _cosine(original - rotation.mean, dequantized - rotation.mean)
    variance = float(((original - rotation.mean) ** 2).sum())
    return QuantizationQuality(
        lost_variance=float(((original - dequantized) ** 2).sum()) / variance if variance else 0.0,
        cosine=float(cosine.mean()),
        cosine_p1=float(np.quantile(cosine, 0.01)),
        centred_cosine=float(centred_cosine.mean()),
        clipped=int((np.abs(codes.astype(np.int16)) == 127).sum()),
    )


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(1) / np.maximum(norms, 1e-12)
