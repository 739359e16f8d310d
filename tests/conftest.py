"""Settings and fixtures of all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# For models this small, a second thread costs time; torch reads it when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A slow machine is no failure, and the same examples everywhere make a failure repeatable.
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for pytest-xdist: a process runs all tests of a group.

    The tests of a file are a group, since they share what they set up; executions of notebooks are
    one per notebook. These are long, so they come first: no process waits for them at the end.
    """
    for item in items:
        group = item.nodeid.partition("::")[0]
        if _executes_notebooks(item) and hasattr(item, "callspec"):
            group += f" {item.callspec.id}"
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not _executes_notebooks(item))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a test by its parameter instead of by a long text, which may have the time in it."""
    return argname if isinstance(val, str | bytes) and len(val) > 80 else None


def _executes_notebooks(item: pytest.Item) -> bool:
    return item.path == Path(__file__).with_name("notebooks") / "test_execution.py"


@pytest.fixture
def make_predictions():
    """Return a function that makes film predictions: a quarter positive, groups of two films."""
    from wholescript.evaluation.film_predictions import FilmPredictions

    def make(n=120, n_repeats=2, n_folds=3, seed=0, strength=1.0):
        rng = np.random.default_rng(seed)
        labels = (np.arange(n) % 4 == 0).astype(np.int8)
        probabilities = 1 / (1 + np.exp(-rng.normal(size=(n_repeats, n)) - strength * labels + 1))
        return FilmPredictions(
            film_ids=[f"film{i:03}" for i in range(n)],
            labels=labels,
            groups=np.array([f"group{i // 2:03}" for i in range(n)], dtype=object),
            years=rng.integers(1950, 2020, n),
            probabilities=probabilities.round(6),
            thresholds=np.full((n_repeats, n), 0.4),
            folds=np.stack([rng.permutation(n) % n_folds for _ in range(n_repeats)]),
        )

    return make


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[str]:
    """The address of a Ray cluster of two nodes with one CPU each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(True, head_node_args={"include_dashboard": False, "wait": False})
    cluster.add_node(wait=False)
    cluster.wait_for_nodes(timeout=600)  # nodes start slowly on a busy machine
    yield cluster.address
    cluster.shutdown()
