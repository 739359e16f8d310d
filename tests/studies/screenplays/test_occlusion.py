import numpy as np
import pytest

from tests.studies.screenplays.predictive_end import predictive_end
from wholescript.data.films.folds import repeated_folds
from wholescript.models.films.mean_embedding import MeanPoolingLR
from wholescript.studies.screenplays.cross_validation import fold_seed
from wholescript.studies.screenplays.occlusion import (
    cross_validate_without_each_part,
    fit_and_occlude_parts,
    group_means,
    relative_importance,
)

N = 60


@pytest.fixture
def dataset():
    return predictive_end(N)


@pytest.fixture
def folds(dataset):
    return repeated_folds(dataset.labels, dataset.groups, n_folds=3, n_repeats=2, seed=0)


def test_whole_films_have_the_scores_of_the_estimator(dataset, folds):
    fold, model = folds[0], MeanPoolingLR(Cs=(1.0,))
    found = fit_and_occlude_parts(model, dataset, fold, 4, seed=5)
    plain = model.fit_predict(dataset, fold.train, fold.test, seed=fold_seed(5, fold)).test
    assert found.shape == (5, len(fold.test))
    np.testing.assert_allclose(found[0], plain)


def test_occluding_the_predictive_part_changes_the_score_most(dataset, folds):
    predictions = cross_validate_without_each_part(
        MeanPoolingLR(Cs=(1.0,)), dataset, folds, 4, seed=0
    )
    assert len(predictions) == 5
    assert all(
        np.isfinite(p.probabilities).all() and p.probabilities.shape == (2, N) for p in predictions
    )
    scores = np.stack([p.probabilities[0] for p in predictions])
    positive = dataset.labels == 1
    drop = (scores[0] - scores[1:])[:, positive].mean(axis=1)
    assert drop.argmax() == 3
    assert drop[3] > 0.2 > abs(drop[:3]).max()
    np.testing.assert_array_equal(predictions[0].folds, predictions[3].folds)


def test_changes_are_relative_to_the_mean_part():
    changes = np.array([[1.0, -3.0], [0.0, 0.0]])
    np.testing.assert_array_equal(relative_importance(changes), [[0.5, 1.5], [1.0, 1.0]])


def test_group_means_count_near_duplicates_once():
    values = np.array([[1.0], [3.0], [7.0]])
    groups = np.array(["a", "a", "b"], object)
    np.testing.assert_array_equal(group_means(values, groups), [[2.0], [7.0]])
