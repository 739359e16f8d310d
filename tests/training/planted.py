"""A synthetic corpus with a planted signal and films of unequal length."""

import numpy as np

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.features.compression import PCARotation

N, D = 96, 6


def corpus(n=N):
    """Return labels and chunks of n films with 1 to 8 chunks; every third film is positive.

    One coordinate is higher in every chunk of the positive films.
    """
    labels = (np.arange(n) % 3 == 0).astype(np.int8)
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 9, n))])
    codes = rng.integers(-40, 40, (offsets[-1], D))
    codes[:, 2] += np.repeat(45 * labels, np.diff(offsets))
    rotation = PCARotation(np.zeros(D, np.float32), np.eye(D, dtype=np.float32), 0.01)
    return labels, ChunkEmbeddings(codes.astype(np.int8), offsets, rotation)
