import numpy as np
import pytest
import scipy.sparse as sp

from wholescript.features.keyness import keyness
from wholescript.features.word_counts import WordCounts
from wholescript.studies.screenplays.keyness_of_predictions import (
    compare_keyness,
    keyness_agreement,
    predicted_labels,
)

N, V = 200, 40


@pytest.fixture
def films():
    """Words, labels that the first ten words predict weakly, and a class that they determine."""
    rng = np.random.default_rng(0)
    labels = (np.arange(N) % 4 == 0).astype(np.int8)
    rates = np.full((N, V), 6.0)
    rates[:, :10] += 0.5 * labels[:, None]
    counts = rng.poisson(rates).astype(np.uint16)
    predicted = np.zeros(N, np.int8)
    predicted[np.argsort(-counts[:, :10].sum(1).astype(int))[:50]] = 1
    empty = sp.csr_matrix(counts.shape, dtype=np.uint16)
    names = [f"word{i:02}" for i in range(V)]
    words = WordCounts((sp.csr_matrix(counts), empty, empty, empty), empty, names)
    return words, labels, predicted, np.array([f"film{i // 2}" for i in range(N)], object)


def test_as_many_films_are_predicted_positive_as_are_positive(predictions):
    predicted = predicted_labels(predictions)
    assert predicted.sum() == predictions.labels.sum()
    ranks = predictions.fold_ranks().mean(axis=0)
    assert ranks[predicted == 1].min() >= ranks[predicted == 0].max()


def test_overweighted_words_come_first(films):
    words, labels, predicted, _ = films
    table = compare_keyness(words, labels, predicted, min_df=20)
    assert len(set(table["word"].head(10)) & set(words.vocabulary[:10])) >= 8
    true = keyness(words, labels, 20).set_index("word")["effect"]
    np.testing.assert_allclose(table.set_index("word")["true"], true[table["word"]])


def test_effects_of_a_class_with_itself_agree(films):
    words, labels, _, groups = films
    np.testing.assert_allclose(
        keyness_agreement(words, labels, labels, groups, seed=0, n_blocks=10, min_df=20),
        1,
    )


def test_effect_correlation_matches_the_table_and_its_interval(films):
    words, labels, predicted, groups = films
    table = compare_keyness(words, labels, predicted, min_df=20)
    correlation, spread_ratio = keyness_agreement(
        words, labels, predicted, groups, seed=0, n_blocks=20, min_df=20
    )
    expected = table["true"].corr(table["predicted"], method="spearman")
    assert correlation[0] == pytest.approx(expected, abs=1e-9)
    ratio = table["predicted"].std() / table["true"].std()
    assert spread_ratio[0] == pytest.approx(ratio) and spread_ratio[0] > 1
    for value, low, high in (correlation, spread_ratio):
        assert low < value < high
