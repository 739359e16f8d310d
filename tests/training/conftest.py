import numpy as np
import pandas as pd
import pytest

from tests.training.planted import D, N, corpus
from wholescript.training.batches import ChunkBatchLoader


@pytest.fixture
def loaders():
    """Training and validation loader of the planted corpus."""
    labels, chunks = corpus()
    rows = np.random.default_rng(1).permutation(N)
    return tuple(
        ChunkBatchLoader(chunks, labels, part, D, 0.3, 16) for part in (rows[:64], rows[64:])
    )


@pytest.fixture
def films():
    """The metadata of the planted corpus."""
    return pd.DataFrame({"film_id": [f"film{row}" for row in range(N)], "year": 2000})
