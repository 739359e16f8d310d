import sys
from pathlib import Path

import numpy as np
import pytest

from wholescript.evaluation.predictions import FilmPredictions

sys.path.insert(0, str(Path(__file__).parent))  # killed.py is imported here and run as a child


@pytest.fixture
def make_predictions():
    def make(n=120, n_repeats=2, n_folds=3, seed=0, strength=1.0, ties=False):
        rng = np.random.default_rng(seed)
        labels = (np.arange(n) % 4 == 0).astype(np.int8)
        scores = 1 / (1 + np.exp(-rng.normal(size=(n_repeats, n)) - strength * labels + 1))
        if ties:
            scores = np.round(scores, 1)
        return FilmPredictions(
            film_ids=[f"film{i:03}" for i in range(n)],
            labels=labels,
            groups=np.array([f"group{i // 2:03}" for i in range(n)], dtype=object),
            years=rng.integers(1950, 2020, n),
            scores=scores,
            thresholds=np.full((n_repeats, n), 0.4),
            folds=np.stack([rng.permutation(n) % n_folds for _ in range(n_repeats)]),
        )

    return make
