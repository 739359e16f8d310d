from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from wholescript.errors import DataError, ParameterError
from wholescript.features.ngram_kernels import NgramKernels
from wholescript.models.films.ngram_kernel import NgramKernelLR
from wholescript.models.films.selection import SelectedEstimator

N_COLUMNS = 30


@pytest.fixture
def blocks(dataset):
    """Rows of length 1 for each size of n-grams; only the trigrams are predictive."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(3, len(dataset.labels), N_COLUMNS))
    rows[2, :, 0] += 3 * dataset.labels
    return rows / np.linalg.norm(rows, axis=2, keepdims=True)


@pytest.fixture
def films(dataset, blocks):
    """The data set with kernels and a layout that predicts nothing."""
    kernels = (blocks @ blocks.transpose(0, 2, 1)).astype(np.float16)
    layout = np.random.default_rng(4).random((len(dataset.labels), 13)).astype(np.float32)
    features = SimpleNamespace(ngrams=NgramKernels(kernels, "f00d"), layout=layout)
    return replace(dataset, features=features)


def auc(estimator, films, rows):
    found = estimator.fit_predict(films, *rows, seed=0).test
    return roc_auc_score(films.labels[rows[1]], found)


def test_it_is_logistic_regression_on_the_rows_of_all_blocks(films, blocks, rows):
    train, test = rows
    x = np.concatenate(list(blocks), axis=1) / np.sqrt(3)
    expected = LogisticRegression(C=30, tol=1e-6, max_iter=5000).fit(x[train], films.labels[train])
    found = NgramKernelLR(name="ngrams", Cs=(30.0,)).fit_predict(films, train, test, seed=0)
    assert_allclose(found.test, expected.predict_proba(x[test])[:, 1], atol=0.01)


def test_only_the_chosen_sizes_are_used(films, rows):
    assert auc(NgramKernelLR(name="trigrams", sizes=(3,)), films, rows) > 0.8
    assert auc(NgramKernelLR(name="unigrams", sizes=(1,)), films, rows) < 0.7


def test_year_beside_ngrams_predicts(films, rows):
    with_year = NgramKernelLR(name="year", sizes=(1,), gaussian_kernels=(("year", 1.0),))
    assert auc(with_year, films, rows) > auc(NgramKernelLR(name="u", sizes=(1,)), films, rows) + 0.1


def test_test_labels_are_ignored(films, rows):
    estimator = NgramKernelLR(name="all", gaussian_kernels=(("layout", 0.1), ("length", 0.1)))
    labels = films.labels.copy()
    labels[rows[1]] = 1 - labels[rows[1]]
    before, after = (
        estimator.fit_predict(d, *rows, seed=0) for d in (films, replace(films, labels=labels))
    )
    np.testing.assert_array_equal(before.test, after.test)


def test_what_is_missing_or_unknown_is_an_error(films, rows):
    no_ngrams = replace(films, features=SimpleNamespace(ngrams=None))
    with pytest.raises(DataError, match="kernels of n-grams"):
        NgramKernelLR(name="ngrams").fit_predict(no_ngrams, *rows, seed=0)
    with pytest.raises(ParameterError, match="n-grams of 4 words"):
        NgramKernelLR(name="ngrams", sizes=(4,)).fit_predict(films, *rows, seed=0)
    with pytest.raises(ParameterError, match="'genre'"):
        NgramKernelLR(name="n", gaussian_kernels=(("genre", 1.0),)).fit_predict(
            films, *rows, seed=0
        )


def test_selection_takes_the_best_of_the_inner_folds(films, rows):
    candidates = [
        NgramKernelLR(name=name, sizes=(size,))
        for name, size in (("unigrams", 1), ("trigrams", 3), ("bigrams", 2))
    ]
    selected = SelectedEstimator(candidates).fit_predict(films, *rows, seed=0)
    assert selected.chosen["estimator"] == "trigrams"
    alone = candidates[1].fit_predict(films, *rows, seed=0)
    np.testing.assert_array_equal(selected.test, alone.test)
    np.testing.assert_array_equal(selected.inner, alone.inner)
