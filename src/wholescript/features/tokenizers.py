"""Subword tokenizers of models trained from scratch: a BPE of their own, or GPT-2's, pruned."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.implementations import ByteLevelBPETokenizer

from wholescript.errors import DataError
from wholescript.features.gpt2_tokenizer import gpt2_tokenizer
from wholescript.features.word_vocabulary import N_SPECIAL_IDS, UNK_ID
from wholescript.files import write_atomic
from wholescript.settings import ByteVocabulary, check

TokenizerKind = Literal["bpe", "gpt2"]
TOKENIZER_FILE = "tokenizer.json"
N_BYTES = 256


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


def _tokenizer(content: str) -> Tokenizer:
    try:
        return Tokenizer.from_str(content)
    except Exception as error:  # the library raises no narrower class
        raise ValueError(error) from None
