from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.training.planted import N, corpus
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments import workspace
from wholescript.models.films.estimator import FilmDataset
from wholescript.project import OUTPUT_VARIABLE, PUBLISH_VARIABLE, ROOT_VARIABLE, Project

NOTEBOOK = """# %% tags=["parameters"]
scale = "cpu"
seed = 0
slope = 2.0
"""


@pytest.fixture
def films():
    """The metadata of the planted corpus."""
    return pd.DataFrame({"film_id": [f"film{row}" for row in range(N)], "year": 2000})


@pytest.fixture
def dataset(films):
    """The planted corpus."""
    labels, chunks = corpus()
    groups = films["film_id"].to_numpy(object)
    return FilmDataset(films, labels, groups, SimpleNamespace(chunks=chunks))


@pytest.fixture
def rows():
    """Training and test rows of the planted corpus, in random order."""
    order = np.random.default_rng(2).permutation(N)
    return order[:66], order[66:]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with one notebook that is not executed, to be published; no workspace is active."""
    monkeypatch.setattr(workspace, "_active", None)
    monkeypatch.delenv(OUTPUT_VARIABLE, raising=False)
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    monkeypatch.setenv(PUBLISH_VARIABLE, "1")
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "notebooks" / "01_tiny.py").write_text(NOTEBOOK)
    return Project(root)


@pytest.fixture
def predictions():
    """Predictions of 120 films in 60 groups, from 2 repeats of 3 folds."""
    n, rng = 120, np.random.default_rng(0)
    labels = (np.arange(n) % 4 == 0).astype(np.int8)
    return FilmPredictions(
        film_ids=[f"film{i:03}" for i in range(n)],
        labels=labels,
        groups=np.array([f"group{i // 2:03}" for i in range(n)], dtype=object),
        years=rng.integers(1950, 2020, n),
        probabilities=1 / (1 + np.exp(-rng.normal(size=(2, n)) - labels + 1)),
        thresholds=np.full((2, n), 0.4),
        folds=np.stack([rng.permutation(n) % 3 for _ in range(2)]),
    )
