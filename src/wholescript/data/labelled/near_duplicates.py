"""Near duplicates: texts that differ in case, punctuation, white space, boilerplate or few words.

A text is the set of its sequences of three words, without those that many texts have (boilerplate).
Candidates are found with MinHash and locality-sensitive hashing (Broder 1997,
doi:10.1109/SEQUEN.1997.666900; library datasketch), and then compared exactly.
"""

import re
from collections.abc import Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from wholescript.data.labelled.overlap import Hashes, hash_ngrams, hash_words

NGRAM_LENGTH = 3  # words
MIN_NGRAMS = 6  # a text of fewer, that is of fewer than 8 words, is compared only as a whole
MIN_SHARED = 0.9  # of the n-grams of the shorter text
BOILERPLATE_SHARE = 0.1  # of all texts
MIN_BOILERPLATE = 20  # texts
# Scripts without spaces between words: there each character is a word.
UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
N_BANDS, N_ROWS = 25, 5  # of the index: finds 99% of the pairs of Jaccard similarity 0.7
N_COUNTERS_LOG2 = 22


def group_near_duplicates(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return a number for each text, (n,): that of the group of its near duplicates.

    Two texts are near duplicates if they have the same words, or if the shorter one shares 90% of
    its n-grams with the other. Texts without words are compared as they are.
    """
    ngrams = [np.unique(_ngrams(text)) for text in texts]
    groups = DisjointSet(range(len(texts)))
    first: dict[bytes, int] = {}
    for row, (text, own) in enumerate(zip(texts, ngrams, strict=True)):
        key = own.tobytes() or text.strip().encode(errors="surrogatepass")
        groups.merge(first.setdefault(key, row), row)
    rows = list(first.values())
    specific = _without_boilerplate([ngrams[row] for row in rows])
    compared = {row: own for row, own in zip(rows, specific, strict=True) if len(own) >= MIN_NGRAMS}
    signatures = MinHash.generator(
        ((own >> np.uint64(32)).tolist() for own in compared.values()),
        num_perm=N_BANDS * N_ROWS,
        hashfunc=int,  # they are hashes already
    )
    index = MinHashLSH(num_perm=N_BANDS * N_ROWS, params=(N_BANDS, N_ROWS))
    for row, signature in zip(compared, signatures, strict=True):
        for other in index.query(signature):
            if not groups.connected(row, other) and _similar(compared[row], compared[other]):
                groups.merge(row, other)
        index.insert(row, signature)
    return np.array([groups[row] for row in range(len(texts))], dtype=np.int64)


def _ngrams(text: str) -> Hashes:
    words = hash_words(WORD.findall(text.casefold()))
    return hash_ngrams(words, min(NGRAM_LENGTH, len(words))) if len(words) else words


def _without_boilerplate(texts: Sequence[Hashes]) -> list[Hashes]:
    """Return the n-grams of each text without those that many texts have."""
    # n-grams share counters: of 5 million different ones, one or two to a counter.
    counters = np.zeros(2**N_COUNTERS_LOG2, np.int64)
    slots = [own >> np.uint64(64 - N_COUNTERS_LOG2) for own in texts]
    for own in slots:
        counters[own] += 1
    frequent = counters > max(MIN_BOILERPLATE, BOILERPLATE_SHARE * len(texts))
    return [own[~frequent[slot]] for own, slot in zip(texts, slots, strict=True)]


def _similar(one: Hashes, other: Hashes) -> bool:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared >= MIN_SHARED * min(len(one), len(other))
