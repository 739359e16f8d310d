from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric, Results, difference_name, made_by
from wholescript.experiments.store import RunStore

IDENTITY = RunIdentity("notebook", 1, {}, {})
METRICS = {
    "tfidf": {"auc": {"value": 0.77, "low": 0.74, "high": 0.8}, "films": {"value": 1026}},
    "mean": {"auc": {"value": 0.73, "low": 0.7, "high": 0.77}},
    "differences": {"g/mean - g/tfidf:auc": {"value": -0.04, "low": -0.06, "high": -0.01}},
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    for run, metrics in METRICS.items():
        stored = {name: Metric(**value) for name, value in metrics.items()}
        RunStore(tmp_path).save(f"g/{run}", IDENTITY, stored)
    return Results(tmp_path)


def test_metrics_and_differences_are_found(results: Results) -> None:
    assert results.metric("g/tfidf:auc") == Metric(0.77, 0.74, 0.8)
    assert results.difference("g/mean -  g/tfidf:auc").value == -0.04
    assert results.names() == ["g/differences", "g/mean", "g/tfidf"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("g/tdidf:auc", "did you mean 'g/tfidf'"),
        ("g/tfidf:auk", "did you mean 'auc'"),
        ("g/tfidf", "not of the form run:metric"),
        ("../g/tfidf:auc", "there is no run"),
    ],
)
def test_invalid_metric_reference_is_an_error(
    results: Results, reference: str, message: str
) -> None:
    with pytest.raises(RunError, match=message):
        results.metric(reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("g/tfidf - g/mean:auc", "did you mean 'g/mean - g/tfidf:auc'"),
        ("g/tfidf:auc", "not of the form run - baseline:metric"),
    ],
)
def test_invalid_difference_reference_is_an_error(
    results: Results, reference: str, message: str
) -> None:
    with pytest.raises(RunError, match=message):
        results.difference(reference)


def test_a_difference_of_several_groups_is_that_of_its_first_run(results: Results) -> None:
    elsewhere = {"g/mean - g/tfidf:auc": Metric(-0.05, -0.07, -0.02)}
    RunStore(results.root).save("a/differences", IDENTITY, elsewhere)
    assert results.difference("g/mean - g/tfidf:auc").value == -0.04


def test_difference_name_has_one_spacing() -> None:
    assert difference_name(" a/b -  c/d:auc ") == "a/b - c/d:auc"


def test_a_folder_of_an_earlier_version_is_an_error(results: Results) -> None:
    (results.root / "old" / "run").mkdir(parents=True)
    (results.root / "old" / "run" / "config.json").write_text("{}")
    with pytest.raises(RunError, match=r"old has a folder for each run, .* earlier version"):
        results.names()


def test_a_damaged_file_is_an_error(results: Results) -> None:
    file = results.root / "g" / "runs.json"
    file.write_text(file.read_text().replace('"runs":', "<<<<<<< HEAD"))
    with pytest.raises(RunError, match=r"runs\.json is damaged"):
        results.config("g/mean")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"commit": "0123456789", "code": "ab" * 32}, "commit 0123456"),
        ({"commit": None, "code": "ab" * 32}, "code abababa"),
        ({}, "unknown code"),
    ],
)
def test_code_that_made_a_run(config: dict[str, str | None], said: str) -> None:
    assert made_by(config) == said
