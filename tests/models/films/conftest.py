from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.features.compression import PCARotation
from wholescript.features.word_counts import WordCounts
from wholescript.models.films.estimator import FilmDataset

N, WORDS, PREDICTIVE = 120, 60, 3


@pytest.fixture
def dataset():
    """120 films, a quarter positive; 3 words, one dimension and the year are predictive."""
    rng = np.random.default_rng(0)
    labels = (np.arange(N) % 4 == 0).astype(np.int8)
    rates = np.full((N, WORDS), 0.7)
    rates[:, :PREDICTIVE] += 1.2 * labels[:, None]
    quarters = tuple(csr_matrix(rng.poisson(rates / 4).astype(np.uint16)) for _ in range(4))
    opening = csr_matrix(rng.poisson(rates / 8).astype(np.uint16))
    words = WordCounts(quarters, opening, [f"word{i:02}" for i in range(WORDS)])
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 9, N))])
    codes = rng.integers(-40, 40, (offsets[-1], 6))
    codes[:, 2] += np.repeat(25 * labels, np.diff(offsets))
    rotation = PCARotation(np.zeros(6, np.float32), np.eye(6, dtype=np.float32), 0.01)
    chunks = ChunkEmbeddings(codes.astype(np.int8), offsets, rotation)
    ids = np.array([f"film{i:03}" for i in range(N)], dtype=object)
    films = pd.DataFrame(
        {
            "film_id": ids,
            "title": rng.choice(["red river", "blue moon", "last train"], N),
            "year": rng.integers(1950, 1990, N) + 20 * labels,
            "source": rng.choice(["attic", "cellar"], N),
            "n_words": rng.integers(9_000, 40_000, N),
        }
    )
    return FilmDataset(films, labels, ids, SimpleNamespace(word_counts=words, chunks=chunks))


@pytest.fixture
def rows():
    """Training and test rows, shuffled."""
    order = np.random.default_rng(1).permutation(N)
    return order[:80], order[80:]


@pytest.fixture
def assert_ignores_test_labels(dataset, rows):
    """Fail if the labels of the test films change the scores of an estimator."""

    def check(estimator):
        train, test = rows
        labels = dataset.labels.copy()
        labels[test] = 1 - labels[test]
        original = estimator.fit_predict(dataset, train, test, seed=0)
        flipped = estimator.fit_predict(replace(dataset, labels=labels), train, test, seed=0)
        np.testing.assert_array_equal(original.inner, flipped.inner)
        np.testing.assert_array_equal(original.test, flipped.test)
        assert original.chosen == flipped.chosen

    return check
