"""Tokenizers for a classifier from scratch: GPT-2's, trimmed, or one trained on the spot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.implementations import ByteLevelBPETokenizer

from wholescript.errors import DataError, ParameterError
from wholescript.features.gpt2_tokenizer import gpt2_tokenizer
from wholescript.files import write_atomic

TokenizerKind = Literal["bpe", "gpt2"]
TOKENIZER_FILE = "tokenizer.json"
PAD_ID, UNK_ID = 0, 1
N_SPECIAL_IDS = 2
N_BYTES = 256


@dataclass(frozen=True)
class SubwordTokenizer:
    """A byte-level BPE, of whose tokens `kept_ids` have a number here: those that the texts use.

    `kept_ids` (k,) int64, sorted, are ids of the tokenizer; the i-th of them is number i + 2. Number 0
    pads, number 1 stands for any token that is not kept. To call it is to tokenise texts.
    """

    tokenizer: Tokenizer
    kept_ids: NDArray[np.int64]

    @property
    def vocab_size(self) -> int:
        """How many numbers there are, padding and unknown among them."""
        return len(self.kept_ids) + N_SPECIAL_IDS

    def __call__(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the numbers of each text, (tokens,) int64."""
        found = []
        for encoding in self.tokenizer.encode_batch(list(texts), add_special_tokens=False):
            ids = np.asarray(encoding.ids, np.int64)
            place = np.searchsorted(self.kept_ids, ids).clip(max=len(self.kept_ids) - 1)
            found.append(np.where(self.kept_ids[place] == ids, place + N_SPECIAL_IDS, UNK_ID))
        return found

    def decode(self, numbers: Sequence[int] | NDArray[np.int64]) -> str:
        """Return the text of numbers, without those that pad or are unknown."""
        told = np.asarray(numbers, np.int64)
        ids: list[int] = self.kept_ids[told[told >= N_SPECIAL_IDS] - N_SPECIAL_IDS].tolist()
        return self.tokenizer.decode(ids)

    def save(self, path: Path) -> None:
        """Write all of it as one JSON file."""
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
            raise ValueError("the kept tokens are not in order")
        return SubwordTokenizer(_tokenizer(json.dumps(content["tokenizer"])), kept_ids)
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise DataError(
            f"{path.name} is no tokenizer of this project ({problem}): delete it and train anew"
        ) from None


def build_subword_tokenizer(
    kind: TokenizerKind, texts: Sequence[str], *, size: int = 8_000
) -> SubwordTokenizer:
    """Return a tokenizer for a model that is trained on `texts`.

    `bpe` is trained on them, to at most `size` tokens, and can write any text. `gpt2` is the BPE of
    GPT-2 (50,257 tokens); only those that occur in the texts are kept.

    Raises:
        DataError: there is nothing in the texts.
        ParameterError: an unknown kind, or a size that has no room for the 256 bytes.
    """
    if kind not in get_args(TokenizerKind):
        raise ParameterError(f"tokenizer={kind!r} is none of {', '.join(get_args(TokenizerKind))}")
    if not any(texts):
        raise DataError(f"a tokenizer needs texts: {len(texts)} were given, none with a letter")
    if kind == "bpe":
        if size < N_BYTES:
            raise ParameterError(f"vocab_size={size}: the bytes alone are {N_BYTES} tokens")
        trained = ByteLevelBPETokenizer()
        trained.train_from_iterator(
            iter(texts), vocab_size=size, min_frequency=2, show_progress=False
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
    """Return the tokenizer that `folder` holds, or build it from `texts` and write it there.

    Raises:
        DataError: there are no `texts` and the folder holds no tokenizer, or it is damaged.
        ParameterError: an unknown kind, or too small a vocabulary.
    """
    path = folder and folder / TOKENIZER_FILE
    if path and (path.exists() or not texts):
        return load_subword_tokenizer(path)
    tokenizer = build_subword_tokenizer(kind, texts, size=vocab_size)
    if path:
        tokenizer.save(path)
    return tokenizer


def _tokenizer(content: str) -> Tokenizer:
    try:
        return Tokenizer.from_str(content)
    except Exception as problem:  # the library raises nothing narrower
        raise ValueError(problem) from None
