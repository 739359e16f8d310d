"""Texts that repeat other texts: a run of so many words that stands in both is no accident."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import ParameterError

RUN = 13  # words, as is usual to find test texts in what a language model read
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, its bits well spread


@dataclass(frozen=True)
class WordRuns:
    """Hashes, sorted uint64, of all runs of `length` words of some texts, whatever their case.

    Two different runs share a hash of 64 bits once in many million million.
    """

    hashes: NDArray[np.uint64]
    length: int

    @classmethod
    def of(cls, texts: Iterable[str], length: int = RUN) -> Self:
        """Collect the runs of texts; one of fewer words is a run itself.

        Raises:
            ParameterError: a length below 1.
        """
        if length < 1:
            raise ParameterError(f"length={length}: a run has one word at least")
        found = [_runs(text, length) for text in texts]
        return cls(np.unique(np.concatenate([np.zeros(0, np.uint64), *found])), length)

    def shared(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return, (n,), which texts have a run among these."""
        if not len(self.hashes):
            return np.zeros(len(texts), bool)
        found = np.zeros(len(texts), bool)
        for row, text in enumerate(texts):
            runs = _runs(text, self.length)
            place = np.searchsorted(self.hashes, runs).clip(max=len(self.hashes) - 1)
            found[row] = (self.hashes[place] == runs).any()
        return found


def _runs(text: str, length: int) -> NDArray[np.uint64]:
    words = np.array([_number(word) for word in text.casefold().split()], np.uint64)
    if not len(words):
        return words
    length = min(length, len(words))
    hashes = np.zeros(len(words) - length + 1, np.uint64)
    for place in range(length):
        with np.errstate(over="ignore"):
            hashes *= np.uint64(MULTIPLIER)
            hashes += words[place : place + len(hashes)]
    return hashes


@cache
def _number(word: str) -> int:
    data = word.encode(errors="surrogatepass")
    return zlib.crc32(data) << 32 | zlib.adler32(data)
