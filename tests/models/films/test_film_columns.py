from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score

from wholescript.features.ngram_kernels import NgramKernels
from wholescript.models.films.film_columns import (
    FilmColumnScore,
    FilmColumnsLR,
    NgramColumnsKernelLR,
)
from wholescript.models.films.ngram_kernel import NgramKernelLR


@pytest.fixture
def films(dataset):
    """The data set with one predictive column, one that misses values, and n-grams of noise."""
    rng = np.random.default_rng(5)
    n = len(dataset.labels)
    rows = rng.normal(size=(3, n, 20))
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    ngrams = NgramKernels((rows @ rows.transpose(0, 2, 1)).astype(np.float16), "f00d")
    gaps = np.where(np.arange(n) % 5 == 0, np.nan, rng.normal(size=n))
    signal = 2 * dataset.labels + rng.normal(size=n)
    table = dataset.films.assign(signal=signal, gaps=gaps, absent=np.nan)
    return replace(dataset, films=table, features=SimpleNamespace(ngrams=ngrams))


def auc(estimator, films, rows):
    found = estimator.fit_predict(films, *rows, seed=0).test
    return roc_auc_score(films.labels[rows[1]], found)


def test_a_column_is_its_own_score(films, rows):
    found = FilmColumnScore("signal", "lm").fit_predict(films, *rows, seed=0)
    values = films.films["signal"].to_numpy()
    assert_allclose(found.test, 1 / (1 + np.exp(-values[rows[1]])))
    assert_allclose(found.inner, 1 / (1 + np.exp(-values[rows[0]])))


def test_columns_predict_and_missing_values_are_filled(films, rows):
    both = FilmColumnsLR(name="both", columns=("signal", "gaps", "absent"))
    assert auc(both, films, rows) > 0.85
    assert auc(FilmColumnsLR(name="gaps", columns=("gaps",)), films, rows) < 0.75


def test_columns_help_n_grams_by_their_weight(films, rows):
    beside = NgramColumnsKernelLR(name="beside", columns=("signal", "gaps"), weight=1.0)
    assert auc(beside, films, rows) > auc(NgramKernelLR(name="n"), films, rows) + 0.1
    without = NgramColumnsKernelLR(name="none", columns=("signal",), weight=0.0, Cs=(10.0,))
    expected = NgramKernelLR(name="n", Cs=(10.0,)).fit_predict(films, *rows, seed=0)
    assert_allclose(without.fit_predict(films, *rows, seed=0).test, expected.test)


@pytest.mark.parametrize(
    "estimator",
    [
        FilmColumnsLR(name="lr", columns=("signal", "gaps")),
        NgramColumnsKernelLR(name="kernel", columns=("signal",), weight=0.1),
    ],
)
def test_nothing_is_fitted_on_test_films(films, rows, estimator):
    labels = films.labels.copy()
    labels[rows[1]] = 1 - labels[rows[1]]
    changed = films.films.copy()
    changed.loc[changed.index[rows[1][1:]], "signal"] += 50.0
    before = estimator.fit_predict(films, *rows, seed=0)
    relabelled = estimator.fit_predict(replace(films, labels=labels), *rows, seed=0)
    np.testing.assert_array_equal(before.test, relabelled.test)
    moved = estimator.fit_predict(replace(films, films=changed), *rows, seed=0)
    assert_allclose(before.test[0], moved.test[0], rtol=1e-6)
    assert_allclose(before.inner, moved.inner, rtol=1e-6)
