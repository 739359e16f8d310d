from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from wholescript.evaluation.film_comparison import compare, difference_table
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.models.films.estimator import Estimator
from wholescript.studies.screenplays import comparison
from wholescript.studies.screenplays.data import ScreenplayData

DATA = cast(ScreenplayData, SimpleNamespace())
MODELS = cast(
    dict[str, Estimator],
    {"first model": SimpleNamespace(name="first"), "second model": SimpleNamespace(name="second")},
)


def run_of(predictions: FilmPredictions, auc: float = 0.5) -> Run:
    """Return a stand-in of a stored run."""
    metrics = {"auc": Metric(auc, auc - 0.1, auc + 0.1), "mcc": Metric(0.2)}
    return cast(Run, SimpleNamespace(metrics=metrics, predictions=lambda kind: predictions))


@pytest.fixture
def runs(predictions: FilmPredictions) -> dict[str, Run]:
    """Runs of two models, of which the second is better."""
    better = 0.7 * predictions.probabilities + 0.3 * predictions.labels
    return {
        "plain": run_of(predictions),
        "better": run_of(replace(predictions, probabilities=better), 0.8),
    }


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["tiny/first", "tiny/second"]),
        ({"suffix": "-more"}, ["tiny/first-more", "tiny/second-more"]),
        ({"split": "temporal"}, ["tiny/first-temporal", "tiny/second-temporal"]),
        (
            {"split": "temporal", "suffix": "-more"},
            ["tiny/first-more-temporal", "tiny/second-more-temporal"],
        ),
    ],
)
def test_runs_are_named_by_model_and_split(
    options: dict[str, str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def called(*args: Any, split: str) -> Any:
        return (*args, split)

    monkeypatch.setattr(comparison, "cross_validation_run", called)
    made = comparison.cross_validation_runs("tiny", MODELS, DATA, **options)
    split = options.get("split", "random")
    calls = [(n, m, DATA, split) for n, m in zip(names, MODELS.values(), strict=True)]
    assert made == dict(zip(MODELS, calls, strict=True))


def test_runs_of_another_notebook_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "load_or_run", lambda name, *_, split: (name, split))
    loaded = comparison.load_or_run_all("tiny", MODELS, DATA, split="temporal")
    assert loaded["first model"] == ("tiny/first-temporal", "temporal")


def test_stored_metrics_of_runs(runs: dict[str, Run]) -> None:
    table = comparison.run_metrics(runs, ["mcc", "auc"])
    assert list(table.columns) == ["mcc", "auc"] and table.index.name == "model"
    assert table.loc["better", "auc"] == 0.8
    intervals = comparison.run_intervals(runs, "auc")
    assert intervals.loc["better"].to_list() == pytest.approx([0.8, 0.7, 0.9])


def test_runs_are_compared_by_their_predictions(runs: dict[str, Run]) -> None:
    found = comparison.compare_runs(runs, "auc", baseline="plain", seed=1)
    assert found.runs is runs and found.metric == "auc"
    expected = compare(comparison.run_predictions(runs), "auc", baseline="plain", seed=1)
    assert found.table.equals(expected)
    differences = difference_table(found.table, "plain")
    assert list(differences.index) == ["better"]
    row = differences.loc["better"]
    assert 0 < row["low"] < row["value"] < row["high"]


def test_the_first_repeat_is_compared_with_a_run_that_has_no_other(runs: dict[str, Run]) -> None:
    alone = comparison.run_predictions({"plain": runs["plain"]})["plain"].first_repeat()
    of_one_repeat = runs | {"one repeat": run_of(alone)}
    found = comparison.compare_runs(of_one_repeat, baseline="plain", first_repeat=True)
    assert found.table.loc["one repeat", "difference"] == 0


def test_later_films_are_those_of_the_temporal_split(predictions: FilmPredictions) -> None:
    is_later = np.arange(len(predictions.labels)) >= 70
    probabilities = np.where(is_later, 1 - predictions.probabilities, np.nan)
    temporal = run_of(replace(predictions, probabilities=probabilities))
    films = comparison.predictions_of_later_films(run_of(predictions), temporal)
    later = predictions.film_ids[70:]
    assert [of.film_ids for of in films.values()] == [later, later]
    table = compare(films, "auc", baseline=comparison.RANDOM_FOLDS)
    metrics = comparison.later_film_metrics(films, table)
    assert metrics["films"].value == 50
    random, change = metrics["auc_random_folds"], metrics["auc_temporal_minus_random"]
    # The scores of the temporal split are those of the random folds in reverse order.
    assert change.value == pytest.approx(1 - 2 * random.value)
    assert change.low is not None and change.high is not None
    assert change.low < change.value < change.high
