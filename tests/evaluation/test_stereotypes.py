import numpy as np
import pytest
import scipy.sparse as sp

from wholescript.features.keyness import keyness
from wholescript.features.word_counts import WordCounts
from wholescript.studies.screenplays.keyness_of_predictions import (
    compare_feature_effects,
    feature_effect_correlation,
    predicted_labels,
)

N, V = 200, 40


@pytest.fixture
def films():
    """Films, labels that the first ten words tell a little, and a class that they tell wholly."""
    rng = np.random.default_rng(0)
    labels = (np.arange(N) % 4 == 0).astype(np.int8)
    rates = np.full((N, V), 6.0)
    rates[:, :10] += 0.5 * labels[:, None]
    counts = rng.poisson(rates).astype(np.uint16)
    said = np.zeros(N, np.int8)
    said[np.argsort(-counts[:, :10].sum(1).astype(int))[:50]] = 1
    empty = sp.csr_matrix(counts.shape, dtype=np.uint16)
    names = [f"word{i:02}" for i in range(V)]
    words = WordCounts((sp.csr_matrix(counts), empty, empty, empty), empty, names)
    return words, labels, said, np.array([f"film{i // 2}" for i in range(N)], object)


def test_as_many_films_are_called_positive_as_are(make_predictions):
    predictions = make_predictions()
    predicted = predicted_labels(predictions)
    assert predicted.sum() == predictions.labels.sum()
    ranks = predictions.ranks().mean(axis=0)
    assert ranks[predicted == 1].min() >= ranks[predicted == 0].max()


def test_words_that_are_made_too_much_of_come_first(films):
    words, labels, said, _ = films
    table = compare_feature_effects(words, labels, said, min_films=20)
    assert len(set(table["word"].head(10)) & set(words.vocabulary[:10])) >= 8
    true = keyness(words, labels, 20).set_index("word")["effect"]
    np.testing.assert_allclose(table.set_index("word")["true"], true[table["word"]])


def test_likeness_of_a_class_with_itself_is_whole(films):
    words, labels, _, groups = films
    np.testing.assert_allclose(
        feature_effect_correlation(words, labels, labels, groups, seed=0, blocks=10, min_films=20),
        1,
    )


def test_likeness_agrees_with_the_table_and_lies_in_its_interval(films):
    words, labels, said, groups = films
    table = compare_feature_effects(words, labels, said, min_films=20)
    correlation, stronger = feature_effect_correlation(
        words, labels, said, groups, seed=0, blocks=20, min_films=20
    )
    expected = table["true"].corr(table["predicted"], method="spearman")
    assert correlation[0] == pytest.approx(expected, abs=1e-9)
    ratio = table["predicted"].std() / table["true"].std()
    assert stronger[0] == pytest.approx(ratio) and stronger[0] > 1
    for value, low, high in (correlation, stronger):
        assert low < value < high
