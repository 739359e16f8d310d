import numpy as np
import pandas as pd
import pytest

from tests.training.planted import D, N, corpus
from wholescript.training.batches import FilmBatches


@pytest.fixture
def sides():
    """Training and held-out batches of the planted corpus."""
    labels, chunks = corpus()
    rows = np.random.default_rng(1).permutation(N)
    return tuple(FilmBatches(chunks, labels, part, D, 0.3, 16) for part in (rows[:64], rows[64:]))


@pytest.fixture
def films():
    """The table of metadata that goes with the planted corpus."""
    return pd.DataFrame({"film_id": [f"film{row}" for row in range(N)], "year": 2000})
