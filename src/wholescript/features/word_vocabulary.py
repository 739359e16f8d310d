"""Words as numbers: a vocabulary of the words that training texts have most often."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import DataError, ParameterError
from wholescript.files import write_atomic

PAD_ID, UNK_ID = 0, 1
N_SPECIAL_IDS = 2

_HTML_LINE_BREAK = re.compile(r"<br\s*/?>")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")


def tokenize_words_and_punctuation(text: str) -> list[str]:
    """Return the lower-case words of a text and its punctuation, in order; line breaks are none."""
    return _WORD.findall(_HTML_LINE_BREAK.sub(" ", text).lower().replace("\u2019", "'"))


@dataclass(frozen=True)
class WordVocabulary:
    """`words`, sorted, of which the i-th is number i + 2; 0 pads, 1 is any other word.

    To call it is to turn texts into numbers.
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], *, size: int | None = None, min_count: int = 1) -> Self:
        """Return the `size` most frequent words of texts that stand there `min_count` times.

        Raises:
            DataError: there is none.
            ParameterError: a size or a count below 1.
        """
        if min_count < 1 or (size is not None and size < 1):
            raise ParameterError(f"size={size} and min_count={min_count} must be at least 1")
        counts = Counter(word for text in texts for word in tokenize_words_and_punctuation(text))
        # Among equally frequent words the alphabet decides, not the order of the texts.
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        kept = [word for word, count in ordered[:size] if count >= min_count]
        if not kept:
            raise DataError(f"the texts have no word {min_count} times: lower min_count")
        return cls(tuple(sorted(kept)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raise DataError where the file is missing or damaged."""
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
            return cls(tuple(map(str, words)))
        except (OSError, ValueError, TypeError) as problem:
            raise DataError(f"{path.name} is no list of words ({problem}): train anew") from None

    def save(self, path: Path) -> None:
        """Write the words as JSON."""
        write_atomic(path, json.dumps(self.words, ensure_ascii=False))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each word."""
        return {word: place for place, word in enumerate(self.words, N_SPECIAL_IDS)}

    @property
    def vocab_size(self) -> int:
        """How many numbers there are, those that pad and that stand for no word among them."""
        return len(self.words) + N_SPECIAL_IDS

    def __call__(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the numbers of each text, (words,) int64, one at least."""
        numbers = self.numbers
        found = (
            [numbers.get(word, UNK_ID) for word in tokenize_words_and_punctuation(text)]
            for text in texts
        )
        return [np.array(ids or [UNK_ID], np.int64) for ids in found]
