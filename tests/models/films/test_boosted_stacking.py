from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from wholescript.models.films.boosted_stacking import BoostedStacking
from wholescript.models.films.estimator import FoldPredictions
from wholescript.models.films.tfidf import TfidfLR


class Constant:
    """A member without any information."""

    name, config = "constant", {"constant": True}

    def fit_predict(self, dataset, train, test, *, seed):
        return FoldPredictions(np.full(len(train), 0.3), np.full(len(test), 0.3))


@pytest.fixture
def dataset(dataset):
    layout = np.random.default_rng(3).poisson(5, (len(dataset.labels), 2))
    features = SimpleNamespace(**vars(dataset.features), layout=layout)
    return replace(dataset, features=features)


def test_what_the_members_lack_is_taken_from_columns(dataset, rows):
    train, test = rows
    found = {
        columns: BoostedStacking([Constant()], columns).fit_predict(dataset, train, test, seed=0)
        for columns in (("year",), ("n_words",))
    }
    aucs = {c[0]: roc_auc_score(dataset.labels[test], f.test) for c, f in found.items()}
    assert aucs["year"] > aucs["n_words"] + 0.15  # only the year is predictive
    assert found["year",].inner.shape == train.shape
    # More trees fit noise.
    assert found["n_words",].chosen["n_trees"] < found["year",].chosen["n_trees"]


def test_a_good_member_is_used(dataset, rows):
    train, test = rows
    member = TfidfLR(min_df=2)
    aucs = [
        roc_auc_score(
            dataset.labels[test],
            BoostedStacking([one], ()).fit_predict(dataset, train, test, seed=0).test,
        )
        for one in (member, Constant())
    ]
    assert aucs[0] > aucs[1] + 0.15


def test_test_labels_are_ignored(assert_ignores_test_labels):
    assert_ignores_test_labels(BoostedStacking([TfidfLR(min_df=2)]))


def test_configuration_has_members_and_settings():
    config = BoostedStacking([Constant()], n_trees=(3,)).config
    assert config["members"] == [{"constant": True}]
    assert (config["n_trees"], config["columns"]) == ([3], ["year", "n_words"])
