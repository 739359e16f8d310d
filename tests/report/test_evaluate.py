from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wholescript.data.corpus import Corpus, Provenance
from wholescript.data.folds import Fold, repeated_folds
from wholescript.errors import RunError
from wholescript.features.bundle import FilmFeatures
from wholescript.models.task import FoldScores, Task
from wholescript.report import (
    Metric,
    begin_notebook,
    evaluate_run,
    load_run,
    record_metrics,
    remembered,
)
from wholescript.report.context import Notebook
from wholescript.report.project import OUTPUT_VARIABLE, Project

N = 40


@dataclass
class Noisy:
    """Scores films by their label and noise; counts how often it is fitted."""

    noise: float = 1.0
    name: str = "noisy"
    fits: list[int] = field(default_factory=list)
    fail_at: int | None = None

    @property
    def config(self) -> dict[str, Any]:
        return {"noise": self.noise}

    def fit_predict(
        self, task: Task, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
    ) -> FoldScores:
        if len(self.fits) == self.fail_at:
            raise KeyboardInterrupt
        self.fits.append(len(test))
        draw = np.random.default_rng(seed)
        signal = task.labels + self.noise * draw.normal(size=len(task.labels))
        scores = 1 / (1 + np.exp(-signal))
        return FoldScores(scores[train], scores[test], history=[{"epoch": 0, "loss": 1.0}])


@pytest.fixture
def task() -> Task:
    labels = np.tile([0, 0, 0, 1], N // 4).astype(np.int8)
    ids = [f"f{i}" for i in range(N)]
    films = pd.DataFrame({"film_id": ids, "year": 1990 + np.arange(N) % 20})
    features = cast(FilmFeatures, SimpleNamespace(manifest={"layers": 3}))
    return Task(films, labels, np.array(ids, object), features)


@pytest.fixture
def corpus(task: Task) -> Corpus:
    return Corpus(task.films, "nominated", Provenance("bundled", "data", "f00d"), None)


@pytest.fixture
def folds(task: Task) -> list[Fold]:
    return repeated_folds(task.labels, task.groups, n_folds=4, n_repeats=2)


@pytest.fixture
def notebook(project: Project) -> Notebook:
    return begin_notebook("01_tiny", {}, project)


def test_a_run_is_stored_and_found_by_its_content(
    notebook: Notebook, task: Task, corpus: Corpus, folds: list[Fold]
) -> None:
    estimator = Noisy()
    run = evaluate_run("tiny/noisy", estimator, task, folds, corpus, seed=0, scale="cpu")
    assert len(estimator.fits) == 8
    assert run.path == notebook.project.root / "results" / "tiny" / "noisy"
    auc = run.metrics["auc"]
    assert auc.low is not None and auc.high is not None
    assert auc.low < auc.value < auc.high
    assert 0.002 <= auc.tolerance < 0.2
    assert run.predictions.scores.shape == (2, N)
    assert list(run.history.columns) == ["repeat", "fold", "epoch", "loss"]
    assert evaluate_run("tiny/noisy", estimator, task, folds, corpus, seed=0, scale="cpu") == run
    assert len(estimator.fits) == 8
    assert notebook.runs == {"tiny/noisy": run.key}
    assert notebook.data == {"source": "bundled", "location": "data", "fingerprint": "f00d"}


def test_what_decides_the_result_gives_another_key(
    notebook: Notebook, task: Task, corpus: Corpus, folds: list[Fold]
) -> None:
    def key(**changes: Any) -> str:
        arguments = {"estimator": Noisy(), "task": task, "folds": folds, "corpus": corpus}
        arguments |= {"seed": 0, "scale": "cpu", **changes}
        return evaluate_run("tiny/noisy", **arguments).key

    other_corpus = replace(corpus, provenance=Provenance("local", "x.parquet", "beef"))
    features = cast(FilmFeatures, SimpleNamespace(manifest={"layers": 6}))
    keys = [
        key(),
        key(estimator=Noisy(noise=0.5)),
        key(seed=1),
        key(scale="full"),
        key(folds=folds[:4]),
        key(corpus=other_corpus),
        key(task=replace(task, features=features)),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


def test_other_parameters_leave_the_published_run_and_find_it(
    project: Project, notebook: Notebook, task: Task, corpus: Corpus, folds: list[Fold]
) -> None:
    published = evaluate_run("tiny/noisy", Noisy(), task, folds, corpus, seed=0, scale="cpu")
    before = {path: path.read_bytes() for path in published.path.iterdir()}
    begin_notebook("01_tiny", {"slope": 3.0}, project)
    same = evaluate_run("tiny/noisy", Noisy(), task, folds, corpus, seed=0, scale="cpu")
    assert same == published
    other = evaluate_run("tiny/noisy", Noisy(), task, folds, corpus, seed=5, scale="cpu")
    assert other.path.is_relative_to(project.build / "runs")
    assert before == {path: path.read_bytes() for path in published.path.iterdir()}


def test_smoke_is_never_published(project: Project) -> None:
    project.params.write_text("01_tiny: {scale: smoke}\n")
    assert not begin_notebook("01_tiny", {"scale": "smoke"}, project).published


def test_a_rerun_finds_nothing_published(
    project: Project,
    notebook: Notebook,
    task: Task,
    corpus: Corpus,
    folds: list[Fold],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate_run("tiny/noisy", Noisy(), task, folds, corpus, seed=0, scale="cpu")
    monkeypatch.setenv(OUTPUT_VARIABLE, str(project.rerun))
    begin_notebook("01_tiny", {}, project)
    estimator = Noisy()
    run = evaluate_run("tiny/noisy", estimator, task, folds, corpus, seed=0, scale="cpu")
    assert len(estimator.fits) == 8
    assert run.path.is_relative_to(project.rerun)


def test_an_interrupted_run_goes_on_where_it_stopped(
    notebook: Notebook, task: Task, corpus: Corpus, folds: list[Fold]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        evaluate_run("tiny/noisy", Noisy(fail_at=3), task, folds, corpus, seed=0, scale="cpu")
    assert notebook.store.names() == []
    estimator = Noisy()
    evaluate_run("tiny/noisy", estimator, task, folds, corpus, seed=0, scale="cpu")
    assert len(estimator.fits) == 5


def test_a_member_is_not_fitted_again_for_a_stack(
    notebook: Notebook, task: Task, corpus: Corpus, folds: list[Fold]
) -> None:
    evaluate_run("tiny/noisy", Noisy(), task, folds, corpus, seed=0, scale="cpu")
    member = Noisy()
    wrapped = remembered(member, task, corpus)
    evaluate_run("tiny/again", wrapped, task, folds, corpus, seed=0, scale="cpu")
    assert member.fits == []


def test_recorded_numbers_are_read_by_another_notebook(notebook: Notebook) -> None:
    record_metrics("tiny/line", {"height": Metric(2.0, tolerance=0.1)})
    assert load_run("tiny/line").metrics["height"].value == 2.0
    with pytest.raises(RunError, match="there is no run 'tiny/none'"):
        load_run("tiny/none")


def test_a_notebook_must_have_begun(task: Task, corpus: Corpus, folds: list[Fold]) -> None:
    with pytest.raises(RunError, match="call begin_notebook"):
        evaluate_run("tiny/noisy", Noisy(), task, folds, corpus, seed=0, scale="cpu")
