import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from wholescript.data.films.folds import repeated_folds
from wholescript.errors import DataError
from wholescript.models.films.controls import MetadataLR, ShuffledLabels, controls
from wholescript.models.films.tfidf import TfidfLR


def _auc(dataset, rows, estimator):
    train, test = rows
    return roc_auc_score(
        dataset.labels[test], estimator.fit_predict(dataset, train, test, seed=0).test
    )


def test_only_the_predictive_column_predicts(dataset, rows):
    assert _auc(dataset, rows, MetadataLR(name="year", numeric=("year",))) > 0.8
    uninformative = MetadataLR(
        name="uninformative", numeric=("n_words",), categorical=("source",), text=("title",)
    )
    assert abs(_auc(dataset, rows, uninformative) - 0.5) < 0.25


def test_splines_fit_a_non_monotonic_effect(dataset, rows):
    bump = np.where(dataset.labels == 1, 5.0, np.where(np.arange(120) % 4 == 1, 0.0, 10.0))
    dataset.films["bump"] = bump + np.random.default_rng(0).normal(size=120)
    assert _auc(dataset, rows, MetadataLR(name="bump", numeric=("bump",))) > 0.9


def test_values_unseen_in_training_are_scored(dataset, rows):
    train, test = rows
    dataset.films.loc[test, "source"] = "found in a drawer"
    dataset.films.loc[test, "year"] = 3000
    estimator = MetadataLR(name="all", numeric=("year",), categorical=("source",), text=("title",))
    assert np.isfinite(estimator.fit_predict(dataset, train, test, seed=0).test).all()


@pytest.mark.parametrize("number", range(6))
def test_test_labels_are_ignored(assert_ignores_test_labels, number):
    assert_ignores_test_labels(controls()[number])


def test_missing_column_is_an_error(dataset, rows):
    with pytest.raises(DataError, match=r"no columns \['budget'\], which 'money' needs.*'year'"):
        MetadataLR(name="money", numeric=("budget",)).fit_predict(dataset, *rows, seed=0)


def test_shuffled_labels_score_at_chance(dataset):
    estimator = ShuffledLabels(TfidfLR(min_df=2, Cs=(1.0,)))
    aucs = []
    for fold in repeated_folds(dataset.labels, dataset.groups, n_folds=3, n_repeats=5, seed=0):
        seed = 10 * fold.repeat + fold.fold
        found = estimator.fit_predict(dataset, fold.train, fold.test, seed=seed)
        aucs.append(roc_auc_score(dataset.labels[fold.test], found.test))
    assert abs(np.mean(aucs) - 0.5) < 0.1
    assert estimator.config == {"model": "ShuffledLabels", "estimator": estimator.estimator.config}
    assert dataset.labels.sum() == 30


def test_names_of_controls():
    names = [control.name for control in controls()]
    assert names == ["length", "year", "source", "title", "opening", "shuffled-labels"]
