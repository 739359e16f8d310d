"""Texts that repeat other texts: a run of so many words that stands in both is no accident."""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import ParameterError

NGRAM_LENGTH = 13  # words, as is usual to find test texts in what a language model read
MIN_NGRAM_LENGTH = (
    8  # words of a text that is looked for within others, though it has fewer than a run
)
WORD_PATTERN = re.compile(r"\w+")  # marks are no words: a comma more does not hide a copy
HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, its bits well spread

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NgramIndex:
    """Hashes of all runs of `length` words of some texts, whatever their case and their marks.

    `hashes` are sorted uint64, by the number of words: a text that has fewer is a run itself. Two
    different runs share a hash of 64 bits once in many million million.
    """

    hashes: Mapping[int, Hashes]
    length: int

    @classmethod
    def of(cls, texts: Iterable[str], length: int = NGRAM_LENGTH) -> Self:
        """Collect the runs of texts.

        Raises:
            ParameterError: a length below 1.
        """
        if length < 1:
            raise ParameterError(f"length={length}: a run has one word at least")
        found: dict[int, list[Hashes]] = {}
        for text in texts:
            words = _word_hashes(text)
            if len(words):
                size = min(length, len(words))
                found.setdefault(size, []).append(_ngram_hashes(words, size))
        return cls({n: np.unique(np.concatenate(runs)) for n, runs in found.items()}, length)

    def shared(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return, (n,), which texts have a run among these.

        A run of fewer than `length` words is found within a longer text if it has `MIN_NGRAM_LENGTH` words,
        else only as the whole of one.
        """
        return np.array([self._in(_word_hashes(text)) for text in texts], bool)

    def _in(self, words: Hashes) -> bool:
        most = min(self.length, len(words))
        sizes = [size for size in self.hashes if MIN_NGRAM_LENGTH <= size < most or size == most]
        return any(_any_in(_ngram_hashes(words, size), self.hashes[size]) for size in sizes)


def _any_in(runs: Hashes, among: Hashes) -> bool:
    place = np.searchsorted(among, runs).clip(max=len(among) - 1)
    return bool((among[place] == runs).any())


def _word_hashes(text: str) -> Hashes:
    return np.array([_hash_word(word) for word in WORD_PATTERN.findall(text.casefold())], np.uint64)


def _ngram_hashes(words: Hashes, length: int) -> Hashes:
    hashes = np.zeros(len(words) - length + 1, np.uint64)
    for place in range(length):
        with np.errstate(over="ignore"):
            hashes *= np.uint64(HASH_MULTIPLIER)
            hashes += words[place : place + len(hashes)]
    return hashes


@cache
def _hash_word(word: str) -> int:
    data = word.encode(errors="surrogatepass")
    return zlib.crc32(data) << 32 | zlib.adler32(data)
