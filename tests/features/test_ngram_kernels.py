import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.features.scripts import script
from wholescript.features.ngram_kernels import NGRAM_SIZES, ngram_kernels
from wholescript.features.word_counts import tokenize_words

TEXTS = [script(number, 200) for number in range(12)]


@pytest.mark.parametrize("size", NGRAM_SIZES)
def test_kernel_is_the_cosine_of_tfidf_weights(size):
    vectorizer = TfidfVectorizer(
        tokenizer=tokenize_words,
        token_pattern=None,
        ngram_range=(size, size),
        min_df=2,
        sublinear_tf=True,
    )
    rows = vectorizer.fit_transform(TEXTS)
    expected = (rows @ rows.T).toarray()
    found = ngram_kernels(TEXTS, min_df=2)[NGRAM_SIZES.index(size)]
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, expected, atol=5e-4)


def test_order_counts_for_longer_ngrams_only():
    words = ["one", "two", "three", "four", "five", "six"]
    texts = [" ".join(words), " ".join(words[::-1]), " ".join(words)]
    unigrams, bigrams, _ = ngram_kernels(texts, min_df=1)
    assert unigrams[0, 1] == 1
    assert bigrams[0, 1] == 0 and bigrams[0, 2] == 1


def test_texts_that_share_nothing_have_kernels_of_zero():
    assert not ngram_kernels(["one two", "three four", ""]).any()
