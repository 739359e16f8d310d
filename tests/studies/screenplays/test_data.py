from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wholescript.data.films import Corpus
from wholescript.errors import DataError, ParameterError
from wholescript.features.build import BUNDLE_FOLDER
from wholescript.features.bundle import FilmFeatures, read_bundle
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.publish.execution import run_notebook
from wholescript.publish.notebook import begin_notebook
from wholescript.studies.screenplays import data
from wholescript.studies.screenplays.data import (
    RUN_PROFILES,
    check_films,
    check_folds,
    load_screenplay_data,
    open_screenplay_data,
    with_extra_training_films,
)


def test_other_chunk_length_needs_the_texts() -> None:
    begin_notebook("05_evaluation", {"chunk_length": 510, "scale": "smoke"}, Project(ROOT))
    with pytest.raises(ParameterError, match="bundled chunks have 254 tokens, not 510"):
        open_screenplay_data()


def test_smoke_profile_samples_films_with_their_features() -> None:
    begin_notebook("05_evaluation", {"scale": "smoke"}, Project(ROOT))
    data = open_screenplay_data()
    assert len(data.corpus) == 120 == len(data.dataset.features.chunks.counts)
    assert data.dataset.labels.sum() == data.corpus.labels.sum()
    assert {fold.repeat for fold in data.folds} == {0}


N = 60


@pytest.fixture
def own_films(tmp_path: Path) -> Path:
    """60 made-up films, a fifth of them nominated, from 1980 to 2039."""
    rng = np.random.default_rng(0)
    words = read_bundle(BUNDLE_FOLDER).word_counts.vocabulary
    table = pd.DataFrame(
        {
            "film_id": [f"tt{number:02}" for number in range(N)],
            "title": [f"Film {number}" for number in range(N)],
            "year": 1980 + np.arange(N),
            "text": [f"{' '.join(rng.choice(words, 300))} number {n}" for n in range(N)],
            "nominated_for_writing": np.arange(N) % 5 == 0,
        }
    )
    path = tmp_path / "own.parquet"
    table.to_parquet(path, index=False)
    return path


def test_smoke_needs_no_encoder_without_chunks_and_samples_both_classes_over_the_years(
    own_films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wholescript.features.build.CACHE", own_films.parent)
    monkeypatch.setattr("wholescript.features.extract.load_encoder", None)
    options = {"source": "local", "path": str(own_films), "scale": "smoke", "encode": False}
    data = load_screenplay_data(**options, first_test_year=2010)
    profile = RUN_PROFILES["smoke"]
    assert len(data.corpus) == profile.n_text_films
    assert data.dataset.labels.sum() == 2 * profile.min_class_films
    assert {fold.repeat for fold in data.folds} == {0} and len(data.temporal_folds) == 1
    other = load_screenplay_data(**options, seed=2)
    assert other.corpus.film_ids != data.corpus.film_ids


def test_each_profile_can_split_the_fewest_films_that_it_asks_for() -> None:
    for name, profile in RUN_PROFILES.items():
        n = profile.min_class_films
        labels, ids = np.repeat([0, 1], n), [f"f{i}" for i in range(2 * n)]
        check_folds(labels, ids, labels, name)
        smallest = n - -(-n // profile.n_folds)
        assert smallest >= profile.n_inner_folds
        with pytest.raises(DataError, match=f"{n - 1} film.* label 0.* needs at least {n}"):
            check_folds(labels[1:], ids[1:], labels[1:], name)
        ids[0] = ids[1]  # two drafts
        with pytest.raises(DataError, match=f"{n - 1} film.* label 0"):
            check_folds(labels, ids, labels, name)


@pytest.mark.parametrize(
    ("change", "overrides", "message"),
    [
        ({"text": None}, {}, "no column 'text'"),
        ({"nominated_for_writing": 0}, {}, "only the class 0"),
        ({"film_id": "tt1"}, {}, "film_id.s. occur more than once: tt1"),
        ({"text": " "}, {}, "tt00: empty"),
        ({}, {"path": "none.parquet"}, "none.parquet does not exist"),
        ({}, {"source": "bundled"}, "bundled films have no path"),
        ({}, {"first_test_year": 2100}, "0 film.s. from 2100 on.*median year: 20"),
        (
            {"nominated_for_writing": np.arange(N) < 3},
            {},
            "3 film.s. have the label 1.*'smoke' needs at least 4",
        ),
    ],
)
def test_films_are_checked_before_a_notebook_is_executed(
    own_films: Path, change: dict, overrides: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wholescript.publish.execution.papermill.execute_notebook", None)
    table = pd.read_parquet(own_films).assign(**change).dropna(axis="columns")
    table.to_parquet(own_films, index=False)
    parameters = {"source": "local", "path": str(own_films), "scale": "smoke"} | overrides
    with pytest.raises((DataError, ParameterError), match=message):
        run_notebook("05_evaluation", parameters, project=Project(ROOT))


def test_extra_training_films_are_never_tested_and_share_no_group_with_the_test_films() -> None:
    data = load_screenplay_data(first_test_year=2010)
    more = with_extra_training_films(data, 2010)
    n, years = len(data.corpus), more.corpus.films["year"].to_numpy()
    assert more.corpus.film_ids[:n] == data.corpus.film_ids
    np.testing.assert_array_equal(more.dataset.labels[:n], data.dataset.labels)
    assert not more.corpus.films["core"][n:].any()
    for split in ("random", "temporal"):
        for fold, own in zip(more.folds_of(split), data.folds_of(split), strict=True):
            np.testing.assert_array_equal(fold.test, own.test)
            np.testing.assert_array_equal(fold.train[: len(own.train)], own.train)
            groups = more.dataset.groups
            assert not set(groups[fold.train[len(own.train) :]]) & set(groups[fold.test])
            assert len(fold.train) > len(own.train)
    assert years[more.temporal_folds[0].train].max() < 2010


@pytest.mark.parametrize("notebook", ["01_corpus", "02_imbalance", "04_training", "05_evaluation"])
def test_notebooks_have_the_input_as_a_parameter(
    notebook: str, own_films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Corpus] = []

    def features_of(corpus: Corpus) -> FilmFeatures:
        taken.append(corpus)
        raise DataError("enough")

    monkeypatch.setattr(data, "load_word_features", features_of)
    own = {"source": "local", "path": str(own_films), "scale": "smoke"}
    begin_notebook(notebook, own | {"fields": "title"}, Project(ROOT))
    with pytest.raises(DataError, match="enough"):
        open_screenplay_data(encode=False)
    assert taken[0].fields == "title" and taken[0].texts is not None
    assert list(taken[0].texts.values()) == taken[0].films["title"].tolist()
    with pytest.raises(ParameterError, match="it can be: script, summary, title, all; did you"):
        begin_notebook(notebook, own | {"fields": "titel"}, Project(ROOT))
    with pytest.raises(DataError, match="no column 'summary'; it has film_id, "):
        check_films(own | {"fields": "summary", "target": "nominated_for_writing", "seed": 0})
