import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import ttest_ind

from wholescript.features.keyness import keyness, word_rates
from wholescript.features.word_counts import WordCounts


@pytest.fixture
def words():
    rng = np.random.default_rng(0)
    counts = rng.poisson([3, 1, 0.2, 9], (80, 4)).astype(np.uint16)
    counts[:40, 0] += 2
    empty = sp.csr_matrix(counts.shape, dtype=np.uint16)
    return WordCounts((sp.csr_matrix(counts), empty, empty, empty), empty, list("abcd"))


def test_rates_are_uses_per_10k_words_of_frequent_words(words):
    kept, used, rates = word_rates(words, min_df=30)
    counts = words.total.toarray()
    assert kept.tolist() == [0, 1, 3]
    assert used.tolist() == (counts[:, kept] > 0).sum(0).tolist()
    expected = 10_000 * counts[:, kept] / counts.sum(1, keepdims=True)
    np.testing.assert_allclose(rates.toarray(), expected)


def test_keyness_is_welchs_t_of_log_rates(words):
    labels = (np.arange(80) < 40).astype(np.int8)
    table = keyness(words, labels, min_df=30).set_index("word")
    logs = np.log1p(word_rates(words, 30)[2].toarray())
    expected = ttest_ind(logs[:40], logs[40:], equal_var=False)
    np.testing.assert_allclose(table.loc[list("abd"), "t"], expected.statistic)
    assert table.index[0] == "a"
