"""Kernels of word n-grams: the cosine similarity of each two films by their TF-IDF weights.

A linear model of n-grams needs only the inner products of its rows. Those of a thousand films take
a megabyte, the counts of their n-grams a hundred; and no text can be read from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from wholescript.features.word_counts import tokenize_words

NGRAM_SIZES = (1, 2, 3)
MIN_DF = 10
N_HASHES = 2**31 - 1  # the most; of the trigrams of a thousand scripts one in a hundred collides

Kernels: TypeAlias = NDArray[np.float16]


@dataclass(frozen=True)
class NgramKernels:
    """The kernels of n films, `values` (3, n, n) float16, one for each of `NGRAM_SIZES`.

    `fingerprint` identifies the kernels of the whole corpus from which the films are.
    """

    values: Kernels
    fingerprint: str

    def select(self, indices: NDArray[np.int64]) -> "NgramKernels":
        """Return the films at `indices`, in that order."""
        return NgramKernels(self.values[:, indices[:, None], indices], self.fingerprint)


def ngram_kernels(texts: Iterable[str], *, min_df: int = MIN_DF) -> Kernels:
    """Return a kernel for each of `NGRAM_SIZES`, (3, n, n) float16.

    Counts enter as 1 + log(count), weighted by the inverse document frequency among the n films,
    and rows are scaled to length 1. N-grams of fewer than `min_df` films are left out; of fewer
    than 50 films, those of fewer than a fifth. Vocabulary and frequencies thus come from all films,
    tested or not; labels are not used.
    """
    words = [" ".join(tokenize_words(text)) for text in texts]
    fewest = min(min_df, max(2, len(words) // 5))
    return np.stack([_kernel(_count(words, size), fewest) for size in NGRAM_SIZES])


def _count(words: list[str], size: int) -> csr_matrix:
    vectorizer = HashingVectorizer(
        tokenizer=str.split,
        token_pattern=None,
        lowercase=False,
        ngram_range=(size, size),
        n_features=N_HASHES,
        norm=None,
        alternate_sign=False,
        dtype=np.float32,
    )
    return vectorizer.transform(words)


def _kernel(counts: csr_matrix, min_df: int) -> Kernels:
    hashes, n_films = np.unique(counts.indices, return_counts=True)
    kept = hashes[n_films >= min_df]
    if not len(kept):
        return np.zeros((counts.shape[0], counts.shape[0]), np.float16)
    # By hand: SciPy's selection of columns needs memory for each of the two billion.
    columns = np.searchsorted(kept, counts.indices).clip(max=len(kept) - 1)
    values = np.where(kept[columns] == counts.indices, counts.data, 0)
    rows = csr_matrix((values, columns, counts.indptr), (counts.shape[0], len(kept)))
    rows.eliminate_zeros()
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(rows)
    return (weights @ weights.T).toarray().astype(np.float16)
