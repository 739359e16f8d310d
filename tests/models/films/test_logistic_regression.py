from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from wholescript.data.films.folds import inner_folds
from wholescript.models.films.logistic_regression import (
    N_INNER_FOLDS,
    NestedLogisticRegression,
    logit,
    predict_proba_logistic,
)


@dataclass(kw_only=True)
class Recorder(NestedLogisticRegression):
    """Random features; records the rows that it is fitted on."""

    model: ClassVar[str] = "Recorder"

    name: str = "recorder"
    Cs: tuple[float, ...] = (0.01, 1.0)

    def design_matrices(self, dataset, train, test):
        x = (
            np.random.default_rng(0).normal(size=(len(dataset.labels), 3))
            + dataset.labels[:, None] / 2
        )
        self.calls = [*getattr(self, "calls", []), (train, test)]
        return x[train], x[test]


def test_C_is_chosen_by_the_mean_auc_of_inner_folds(dataset, rows):
    train, test = rows
    found = Recorder().fit_predict(dataset, train, test, seed=5)
    of_row = dict(zip(train.tolist(), found.inner, strict=True))
    folds = inner_folds(dataset.labels, dataset.groups, train, N_INNER_FOLDS, seed=5)
    aucs = []
    for fold in folds:
        x, x_val = Recorder().design_matrices(dataset, fold.train, fold.test)
        scores = predict_proba_logistic(x, dataset.labels[fold.train], x_val, found.chosen["C"])
        assert_array_equal(scores, [of_row[row] for row in fold.test.tolist()])
        aucs.append(roc_auc_score(dataset.labels[fold.test], scores))
    assert found.chosen["inner_auc"] == np.mean(aucs)
    for other in (0.01, 1.0):
        alone = Recorder(Cs=(other,)).fit_predict(dataset, train, test, seed=5)
        assert alone.chosen["inner_auc"] <= found.chosen["inner_auc"]


def test_scored_rows_are_not_fitted_on(dataset, rows):
    train, test = rows
    recorder = Recorder()
    recorder.fit_predict(dataset, train, test, seed=0)
    for fitted_on, scored in recorder.calls:
        assert not set(fitted_on) & set(scored)
        assert not set(fitted_on) & set(test)
    assert len(recorder.calls) == N_INNER_FOLDS + 1


def test_config_has_all_settings_but_the_name():
    assert Recorder().config == {"model": "Recorder", "n_inner_folds": 3, "Cs": [0.01, 1.0]}
    assert Recorder(name="other").config == Recorder().config


def test_both_solvers_find_the_optimum(dataset):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 200))
    for solver, rows in (("lbfgs", x), ("liblinear", csr_matrix(x))):
        reference = LogisticRegression(C=0.5, solver=solver, tol=1e-8, max_iter=1000)
        expected = reference.fit(x, dataset.labels).predict_proba(x)[:, 1]
        np.testing.assert_allclose(
            predict_proba_logistic(rows, dataset.labels, rows, 0.5), expected, atol=1e-3
        )


def test_logit_is_finite_at_0_and_1():
    np.testing.assert_allclose(logit(np.array([0.0, 0.5, 1.0])), [-13.8155, 0, 13.8155], atol=1e-3)
