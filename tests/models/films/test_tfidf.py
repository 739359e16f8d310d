from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import roc_auc_score

from wholescript.errors import DataError
from wholescript.models.films.tfidf import TfidfLR


def _auc(dataset, rows, estimator):
    train, test = rows
    scores = estimator.fit_predict(dataset, train, test, seed=0)
    assert scores.inner.shape == train.shape
    assert ((scores.test > 0) & (scores.test < 1)).all()
    assert roc_auc_score(dataset.labels[train], scores.inner) > 0.6
    return roc_auc_score(dataset.labels[test], scores.test)


def test_predictive_words_are_found(dataset, rows):
    assert _auc(dataset, rows, TfidfLR(min_df=2)) > 0.8


def test_test_labels_are_ignored(assert_ignores_test_labels):
    assert_ignores_test_labels(TfidfLR(min_df=2))


def test_features_are_tfidf_of_frequent_training_words(dataset, rows):
    train, test = rows
    counts = dataset.features.word_counts.total.toarray()
    kept = (counts[train] > 0).sum(axis=0) >= 42
    assert 0 < kept.sum() < counts.shape[1]
    reference = TfidfTransformer(sublinear_tf=True).fit(counts[train][:, kept])
    x, x_test = TfidfLR(min_df=42).design_matrices(dataset, train, test)
    np.testing.assert_allclose(
        x.toarray(), reference.transform(counts[train][:, kept]).toarray(), atol=1e-12
    )
    np.testing.assert_allclose(
        x_test.toarray(), reference.transform(counts[test][:, kept]).toarray(), atol=1e-12
    )


def test_test_films_do_not_change_training_features(dataset, rows):
    train, test = rows
    quarters = [quarter.tolil() for quarter in dataset.features.word_counts.quarters]
    quarters[0][test] = 9
    words = replace(dataset.features.word_counts, quarters=tuple(q.tocsr() for q in quarters))
    other = replace(dataset, features=SimpleNamespace(word_counts=words))
    before = TfidfLR(min_df=2).design_matrices(dataset, train, test)[0]
    after = TfidfLR(min_df=2).design_matrices(other, train, test)[0]
    assert (before != after).nnz == 0


def test_quarters_and_opening_select_counts(dataset):
    words = dataset.features.word_counts
    last = TfidfLR(quarters=(3,)).counts(words)
    ends = TfidfLR(quarters=(0, 3)).counts(words)
    assert (last != words.quarters[3]).nnz == 0
    assert (ends != words.quarters[0] + words.quarters[3]).nnz == 0
    assert (TfidfLR(opening=True).counts(words) != words.opening).nnz == 0
    assert (TfidfLR().counts(words) != words.total).nnz == 0


def test_sum_of_quarters_does_not_overflow(dataset):
    quarters = [quarter.tolil() for quarter in dataset.features.word_counts.quarters]
    for quarter in quarters:
        quarter[0, 0] = 60_000
    words = replace(dataset.features.word_counts, quarters=tuple(q.tocsr() for q in quarters))
    assert TfidfLR().counts(words)[0, 0] == 240_000


def test_empty_vocabulary_is_an_error(dataset, rows):
    with pytest.raises(DataError, match=r"min_df=81 of the 80 training films: lower min_df"):
        TfidfLR(min_df=81).design_matrices(dataset, *rows)
