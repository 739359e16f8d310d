from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wholescript.data.films import Corpus, PublishedSplit, published_split
from wholescript.data.films.corpus import DataProvenance
from wholescript.errors import DataError
from wholescript.evaluation.thresholds import best_threshold
from wholescript.features.bundle import FilmFeatures
from wholescript.models.films.estimator import FilmDataset, FoldPredictions
from wholescript.studies.screenplays.data import RUN_PROFILES, ScreenplayData
from wholescript.studies.screenplays.published_split import (
    evaluate_published_split,
    n_seen_in_training,
    seen_in_training,
)

N = 60
LABELS = (np.arange(N) % 3 == 0).astype(np.int8)
SPLIT = published_split(LABELS, ["train"] * 30 + ["validation"] * 15 + ["test"] * 15)


@dataclass
class Scores:
    """An estimator with given scores, which notes the rows and labels that it is given."""

    scores: NDArray[np.float64]
    seen: Any = None
    name: str = "scores"

    @property
    def config(self) -> dict[str, Any]:
        return {}

    def fit_predict(
        self, dataset: FilmDataset, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
    ) -> FoldPredictions:
        self.seen = train.tolist(), test.tolist()
        history = [{"epoch": 1}]
        return FoldPredictions(self.scores[train], self.scores[test], {"C": 3.0}, history)


def dataset(labels: NDArray[np.int8] = LABELS) -> FilmDataset:
    films = pd.DataFrame({"film_id": [f"tt{i}" for i in range(N)], "year": 1960 + np.arange(N)})
    groups = np.array([f"g{i}" for i in range(N)], object)
    return FilmDataset(films, labels, groups, cast(FilmFeatures, None))


def test_train_is_fitted_and_the_rest_predicted_with_one_threshold() -> None:
    scores = np.random.default_rng(0).random(N)
    estimator = Scores(scores)
    test, validation = evaluate_published_split(estimator, dataset(), SPLIT, seed=0, progress=False)
    assert estimator.seen == (list(range(30)), list(range(30, 60)))
    for found, rows in ((test, SPLIT.test), (validation, SPLIT.validation)):
        kept = found.drop_unscored()
        assert kept.film_ids == [f"tt{row}" for row in rows]
        np.testing.assert_array_equal(kept.probabilities[0], scores[rows])
        assert (kept.folds == 0).all()
    threshold = best_threshold(LABELS[SPLIT.validation], scores[SPLIT.validation])
    assert (test.drop_unscored().thresholds == threshold).all()
    assert test.chosen == [{"repeat": 0, "fold": 0, "threshold": threshold, "C": 3.0}]
    assert test.history == [{"repeat": 0, "fold": 0, "epoch": 1}]


def test_labels_of_the_test_films_change_no_threshold() -> None:
    scores = np.random.default_rng(1).random(N)
    flipped = LABELS.copy()
    flipped[SPLIT.test] = 1 - flipped[SPLIT.test]
    thresholds = {
        evaluate_published_split(Scores(scores), data, SPLIT, seed=0, progress=False)[0]
        .drop_unscored()
        .thresholds[0, 0]
        for data in (dataset(), dataset(flipped))
    }
    assert len(thresholds) == 1
    moved = LABELS.copy()
    moved[SPLIT.validation] = 1 - moved[SPLIT.validation]
    other = evaluate_published_split(Scores(scores), dataset(moved), SPLIT, seed=0, progress=False)
    assert other[0].drop_unscored().thresholds[0, 0] not in thresholds


def test_test_films_with_a_near_duplicate_on_another_side_are_counted() -> None:
    groups = np.array([f"g{i}" for i in range(N)], object)
    assert n_seen_in_training(groups, SPLIT) == 0
    groups[50], groups[51], groups[52] = "g3", "g33", "g53"
    assert n_seen_in_training(groups, SPLIT) == 2
    assert np.flatnonzero(seen_in_training(groups, SPLIT)).tolist() == [5, 6]


def test_films_without_a_published_split_are_an_error() -> None:
    films = dataset().films
    provenance = DataProvenance("local", "own.parquet", "f00d")
    corpus = Corpus(films, "nominated", provenance, None)
    data = ScreenplayData(corpus, dataset(), [], [], RUN_PROFILES["smoke"], "smoke", 0)
    with pytest.raises(DataError, match=r"own.parquet has no published split.*column `split`"):
        data.folds_of("published")
    names = ["train"] * 30 + ["validation"] * 15 + ["test"] * 15
    split = replace(data, corpus=replace(corpus, films=films.assign(split=names))).published_split
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(split, part), getattr(SPLIT, part))
    assert isinstance(split, PublishedSplit)
