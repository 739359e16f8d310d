"""A word-level tokenizer: its vocabulary has the most frequent words of the training texts."""

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

from wholescript.errors import DataError
from wholescript.files import write_atomic
from wholescript.settings import PositiveInt, checked

PAD_ID, UNK_ID = 0, 1
N_SPECIAL_IDS = 2  # padding and unknown words

_HTML_LINE_BREAK = re.compile(r"<br\s*/?>")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")


def tokenize_words_and_punctuation(text: str) -> list[str]:
    """Return the lower-case words and the punctuation of a text, in order, without line breaks."""
    return _WORD.findall(_HTML_LINE_BREAK.sub(" ", text).lower().replace("\u2019", "'"))


@dataclass(frozen=True)
class WordVocabulary:
    """The sorted `words`: word i has the id i + 2; 0 is padding, 1 any other word.

    Calling it encodes texts.
    """

    words: tuple[str, ...]

    @classmethod
    @checked
    def from_texts(
        cls,
        texts: Iterable[str],
        *,
        max_words: PositiveInt | None = None,
        min_count: PositiveInt = 1,
    ) -> Self:
        """Build it from the `max_words` most frequent words with at least `min_count` occurrences.

        Raises:
            DataError: no word is frequent enough.
            ParameterError: `max_words` or `min_count` is below 1.
        """
        counts = Counter(word for text in texts for word in tokenize_words_and_punctuation(text))
        # Equally frequent words are in alphabetical order, whatever the order of the texts.
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        kept = [word for word, count in ordered[:max_words] if count >= min_count]
        if not kept:
            raise DataError(f"no word occurs {min_count} times in the texts: lower min_count")
        return cls(tuple(sorted(kept)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raise DataError if the file is missing or damaged."""
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
            return cls(tuple(map(str, words)))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(
                f"{path.name} is not a valid vocabulary ({error}): train again"
            ) from None

    def save(self, path: Path) -> None:
        """Write the words as JSON."""
        write_atomic(path, json.dumps(self.words, ensure_ascii=False))

    @cached_property
    def word_to_id(self) -> dict[str, int]:
        """The id of each word."""
        return {word: i for i, word in enumerate(self.words, N_SPECIAL_IDS)}

    @property
    def vocab_size(self) -> int:
        """The number of ids, with padding and unknown."""
        return len(self.words) + N_SPECIAL_IDS

    def __call__(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the ids of each text, (words,) int64; a text without words has one unknown."""
        word_to_id = self.word_to_id
        encoded = (
            [word_to_id.get(word, UNK_ID) for word in tokenize_words_and_punctuation(text)]
            for text in texts
        )
        return [np.array(ids or [UNK_ID], np.int64) for ids in encoded]
