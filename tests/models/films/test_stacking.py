import numpy as np
from numpy.testing import assert_array_equal
from scipy.special import expit
from sklearn.metrics import brier_score_loss, roc_auc_score

from wholescript.models.films.estimator import FoldPredictions
from wholescript.models.films.logistic_regression import logit
from wholescript.models.films.mean_embedding import MeanPoolingLR
from wholescript.models.films.stacking import StackingEnsemble
from wholescript.models.films.tfidf import TfidfLR

TFIDF, MEANS = TfidfLR(min_df=2), MeanPoolingLR()


def test_stacking_ranks_at_least_as_well_as_its_members(dataset, rows):
    train, test = rows
    aucs = [
        roc_auc_score(dataset.labels[test], e.fit_predict(dataset, train, test, seed=0).test)
        for e in (StackingEnsemble([TFIDF, MEANS]), TFIDF, MEANS)
    ]
    assert aucs[0] >= max(aucs[1:]) - 0.01


def test_test_labels_are_ignored(assert_ignores_test_labels):
    assert_ignores_test_labels(StackingEnsemble([TFIDF, MEANS]))


def test_stacking_one_member_recalibrates_and_keeps_the_ranking(dataset, rows):
    train, test = rows

    class Overconfident:
        name, config = "overconfident", {}

        def fit_predict(self, dataset, train, test, *, seed):
            found = TFIDF.fit_predict(dataset, train, test, seed=seed)
            inner, outer = (expit(2 * logit(s) + 3) for s in (found.inner, found.test))
            return FoldPredictions(inner, outer)

    before = Overconfident().fit_predict(dataset, train, test, seed=0)
    after = StackingEnsemble([Overconfident()]).fit_predict(dataset, train, test, seed=0)
    assert_array_equal(np.argsort(before.test), np.argsort(after.test))
    truth = dataset.labels[test]
    assert brier_score_loss(truth, after.test) < brier_score_loss(truth, before.test) - 0.02


def test_members_get_the_same_rows_and_seed(dataset, rows):
    calls = []

    class Member:
        name, config = "member", {"a": 1}

        def fit_predict(self, dataset, train, test, *, seed):
            calls.append((train.tolist(), test.tolist(), seed))
            rng = np.random.default_rng(0)
            return FoldPredictions(rng.random(len(train)), rng.random(len(test)))

    stack = StackingEnsemble([Member(), Member()])
    scores = stack.fit_predict(dataset, *rows, seed=7)
    assert calls == [(rows[0].tolist(), rows[1].tolist(), 7)] * 2
    assert scores.inner.shape == rows[0].shape
    assert stack.config == {"model": "StackingEnsemble", "members": [{"a": 1}, {"a": 1}]}
