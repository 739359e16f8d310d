"""Transform coding of chunk embeddings: rotate, round, let an entropy coder do the rest.

The vectors are centred and rotated to their principal axes, and every coordinate is rounded to
the same step. Axes with little variance then hold mostly zeros, which cost almost nothing once
the int8 codes are compressed axis by axis; for a given size this loses far less than cutting
axes off (reverse water-filling; Cover and Thomas, Elements of Information Theory, ch. 10).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RELATIVE_STEP = 1 / 10
"""Step in units of the standard deviation along the first axis."""


@dataclass(frozen=True)
class PCARotation:
    """The code book: `mean` (d,), `axes` (d, d) with one principal axis a column, `step`."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    step: float


def fit_pca_rotation(
    vectors: NDArray[np.float16], relative_step: float = RELATIVE_STEP
) -> PCARotation:
    """Find the principal axes of `vectors` (n, d), strongest first, signs fixed.

    Labels play no part. With fewer vectors than dimensions the remaining axes are arbitrary but
    orthonormal, and nothing is lost.
    """
    mean = vectors.mean(0, dtype=np.float64)
    width = vectors.shape[1]
    covariance = np.zeros((width, width))
    for start in range(0, len(vectors), 4_096):
        block = vectors[start : start + 4_096].astype(np.float64) - mean
        covariance += block.T @ block
    variance, axes = np.linalg.eigh(covariance / max(len(vectors) - 1, 1))
    axes = axes[:, ::-1]
    strongest = np.abs(axes).argmax(0)
    axes = axes * np.sign(axes[strongest, np.arange(width)])
    deviation = float(np.sqrt(max(variance[-1], 0.0)))
    step = relative_step * deviation if deviation > 0 else relative_step
    return PCARotation(mean.astype(np.float32), axes.astype(np.float32), step)


def quantize(vectors: NDArray[np.float16], rotation: PCARotation) -> NDArray[np.int8]:
    """Rotate and round `vectors` (n, d) to int8 codes (n, d)."""
    rotated = (vectors.astype(np.float32) - rotation.mean) @ rotation.axes
    return np.rint(rotated / rotation.step).clip(-127, 127).astype(np.int8)


def dequantize(codes: NDArray[np.int8], rotation: PCARotation) -> NDArray[np.float32]:
    """Return the vectors (n, d) in the encoder's own axes."""
    rotated = codes.astype(np.float32) * np.float32(rotation.step)
    return np.asarray(rotated @ rotation.axes.T + rotation.mean, np.float32)


@dataclass(frozen=True)
class QuantizationError:
    """How far the restored vectors lie from the encoder's.

    `lost_variance` is the squared error over the variance; cosines are the mean and the 1st
    percentile, `centred_cosine` after the mean vector is taken off both (the stricter view,
    since all vectors share a large mean); `clipped` counts codes at the int8 limit.
    """

    lost_variance: float
    cosine: float
    cosine_p1: float
    centred_cosine: float
    clipped: int


def quantization_error(
    vectors: NDArray[np.float16], codes: NDArray[np.int8], rotation: PCARotation
) -> QuantizationError:
    """Measure the loss between `vectors` (n, d) and what their codes restore to."""
    original = vectors.astype(np.float32)
    restored = dequantize(codes, rotation)
    plain = _cosine(original, restored)
    centred = _cosine(original - rotation.mean, restored - rotation.mean)
    variance = float(((original - rotation.mean) ** 2).sum())
    return QuantizationError(
        lost_variance=float(((original - restored) ** 2).sum()) / variance if variance else 0.0,
        cosine=float(plain.mean()),
        cosine_p1=float(np.quantile(plain, 0.01)),
        centred_cosine=float(centred.mean()),
        clipped=int((np.abs(codes.astype(np.int16)) == 127).sum()),
    )


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(1) / np.maximum(norms, 1e-12)
