"""Hashes of n-grams of words; finding texts that repeat others: they share one of 13 words."""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wholescript.settings import PositiveInt, check

NGRAM_LENGTH = 13  # words: customary for test texts in the training data of language models
MIN_NGRAM_LENGTH = 8  # words: a shorter text is matched only as a whole
WORD_PATTERN = re.compile(r"\w+")  # without punctuation: an added comma does not hide a copy
HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: odd, with well mixed bits

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NgramIndex:
    """Hashes of all n-grams of `n` words of some texts; case and punctuation are ignored.

    `hashes` maps a number of words to sorted uint64. A text of fewer than `n` words is one
    n-gram. Two given n-grams have the same hash with probability 2^-64.
    """

    hashes: Mapping[int, Hashes]
    n: int

    @classmethod
    def from_texts(cls, texts: Iterable[str], n: int = NGRAM_LENGTH) -> Self:
        """Index the n-grams of texts.

        Raises:
            ParameterError: n is below 1.
        """
        check("n", n, PositiveInt)
        found: dict[int, list[Hashes]] = {}
        for text in texts:
            words = _words(text)
            if len(words):
                size = min(n, len(words))
                found.setdefault(size, []).append(hash_ngrams(words, size))
        return cls({size: np.unique(np.concatenate(h)) for size, h in found.items()}, n)

    def contains_ngram_of(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return, (len(texts),), which texts have an n-gram in the index.

        An indexed text of fewer than `n` words matches inside a longer text if it has at least
        `MIN_NGRAM_LENGTH` words; otherwise it matches only a text that is equal to it.
        """
        return np.array([self._matches(_words(text)) for text in texts], bool)

    def _matches(self, words: Hashes) -> bool:
        longest = min(self.n, len(words))
        sizes = [s for s in self.hashes if MIN_NGRAM_LENGTH <= s < longest or s == longest]
        return any(_any_in(hash_ngrams(words, size), self.hashes[size]) for size in sizes)


def _any_in(hashes: Hashes, sorted_hashes: Hashes) -> bool:
    position = np.searchsorted(sorted_hashes, hashes).clip(max=len(sorted_hashes) - 1)
    return bool((sorted_hashes[position] == hashes).any())


def _words(text: str) -> Hashes:
    return hash_words(WORD_PATTERN.findall(text.casefold()))


def hash_words(words: Iterable[str]) -> Hashes:
    """Return a hash of each word."""
    return np.array([_hash_word(word) for word in words], np.uint64)


def hash_ngrams(words: Hashes, n: int) -> Hashes:
    """Return a polynomial rolling hash of each n-gram, modulo 2^64."""
    hashes = np.zeros(len(words) - n + 1, np.uint64)
    for i in range(n):
        with np.errstate(over="ignore"):
            hashes *= np.uint64(HASH_MULTIPLIER)
            hashes += words[i : i + len(hashes)]
    return hashes


@cache
def _hash_word(word: str) -> int:
    data = word.encode(errors="surrogatepass")
    return zlib.crc32(data) << 32 | zlib.adler32(data)
