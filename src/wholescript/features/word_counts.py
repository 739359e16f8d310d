"""Word counts per quarter of the script, the input of bag-of-words models.

The script cannot be recovered from them: the order of words within a quarter is not stored, and
words of fewer than `MIN_DF` films are left out.
"""

import itertools
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

MIN_DF = 5
N_QUARTERS = 4
OPENING_CHARS = 4_000

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def tokenize_words(text: str) -> list[str]:
    """Return the lower-case words of a text, in order: letters, with apostrophes between them."""
    return _WORD.findall(text.lower().replace("\u2019", "'"))


@dataclass(frozen=True)
class FilmWordCounts:
    """Counts of one film: `vocabulary`, sorted, and `counts` (len(vocabulary), 5) uint16.

    Columns 0 to 3 are the quarters of the script, column 4 is its first 4,000 characters.
    """

    vocabulary: list[str]
    counts: NDArray[np.uint16]


def count_words(text: str) -> FilmWordCounts:
    """Count the words of a script in each of its quarters and in its opening."""
    words = tokenize_words(text)
    bounds = np.linspace(0, len(words), N_QUARTERS + 1).round().astype(int)
    columns = [Counter(words[start:stop]) for start, stop in itertools.pairwise(bounds)]
    columns.append(Counter(tokenize_words(text[:OPENING_CHARS])))
    vocabulary = sorted(set().union(*columns))
    counts = np.array([[column[word] for column in columns] for word in vocabulary], np.int64)
    return FilmWordCounts(vocabulary, counts.clip(max=65_535).astype(np.uint16).reshape(-1, 5))


@dataclass(frozen=True)
class WordCounts:
    """Sparse counts of n films and V words: of four quarters and of the opening.

    Each matrix is CSR, uint16, of shape (n, V); `vocabulary` is sorted.
    """

    quarters: tuple[sp.csr_matrix, ...]
    opening: sp.csr_matrix
    vocabulary: list[str]

    @property
    def total(self) -> sp.csr_matrix:
        """Counts over the whole script, (n, V) int32."""
        total = self.quarters[0].astype(np.int32)
        for quarter in self.quarters[1:]:
            total = total + quarter
        return total.tocsr()

    def select(self, indices: NDArray[np.int64]) -> "WordCounts":
        """Return the counts of the films at `indices`, in that order."""
        return WordCounts(
            tuple(quarter[indices] for quarter in self.quarters),
            self.opening[indices],
            self.vocabulary,
        )


def stack_word_counts(
    films: list[FilmWordCounts], min_df: int = MIN_DF, *, vocabulary: list[str] | None = None
) -> WordCounts:
    """Stack the counts of films, for the words of `vocabulary`.

    By default these are the words that at least `min_df` of the films use, sorted.
    """
    if vocabulary is None:
        frequency = Counter(word for film in films for word in film.vocabulary)
        vocabulary = sorted(word for word, n in frequency.items() if n >= min_df)
    column = {word: i for i, word in enumerate(vocabulary)}
    matrices = []
    for part in range(N_QUARTERS + 1):
        rows, columns, values = [], [], []
        for row, film in enumerate(films):
            for word, count in zip(film.vocabulary, film.counts[:, part].tolist(), strict=True):
                if count and word in column:
                    rows.append(row)
                    columns.append(column[word])
                    values.append(count)
        shape = (len(films), len(vocabulary))
        matrices.append(sp.csr_matrix((np.array(values, np.uint16), (rows, columns)), shape=shape))
    return WordCounts(tuple(matrices[:N_QUARTERS]), matrices[N_QUARTERS], vocabulary)
