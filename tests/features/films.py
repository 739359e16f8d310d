"""A few made-up films with all their features."""

import numpy as np
import scipy.sparse as sp

from wholescript.features.bundle import ChunkEmbeddings, FilmFeatures
from wholescript.features.compression import PCARotation
from wholescript.features.word_counts import WordCounts


def some_features(counts=(4, 8, 1), words=("anna", "may", "sees", "town"), seed=0, width=2):
    """Return films of `counts` chunks; the first code of a chunk is its position in the film."""
    rng = np.random.default_rng(seed)
    n, shape = len(counts), (len(counts), len(words))
    quarters = tuple(sp.csr_matrix(rng.integers(1, 5, shape).astype(np.uint16)) for _ in range(4))
    opening = sp.csr_matrix(rng.integers(0, 3, shape).astype(np.uint16))
    codes = rng.integers(-40, 40, (sum(counts), width)).astype(np.int8)
    codes[:, 0] = np.concatenate([np.arange(count) for count in counts])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rotation = PCARotation(np.zeros(width, np.float32), np.eye(width, dtype=np.float32), 0.01)
    ids = [f"film{row}" for row in range(n)]
    return FilmFeatures(
        ids,
        np.array(ids, object),
        np.full(n, 9_000),
        np.zeros((n, 13), np.float32),
        WordCounts(quarters, opening, list(words)),
        ChunkEmbeddings(codes, offsets, rotation),
        {"files": {}},
    )
