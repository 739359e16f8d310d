"""Titles as one stream of tokens, by a tokenizer that is trained on the spot and loses nothing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from wholescript.errors import DataError, ParameterError
from wholescript.files import write_atomic

TokenizerKind = Literal["bpe", "unigram"]
EOS = "<eos>"
SPECIAL_TOKENS = ("<pad>", EOS, "<unk>")


@dataclass(frozen=True)
class HeadlineTokenizer:
    """A tokenizer over bytes, one token of which ends a title.

    A title is read with a space before it, so that its first word is the token that it is
    elsewhere.
    """

    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        """Let a title that reads <eos> be no end of a title."""
        self.tokenizer.encode_special_tokens = True

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return self.tokenizer.get_vocab_size()

    @property
    def eos_token_id(self) -> int:
        """The token that ends a title."""
        found = self.tokenizer.token_to_id(EOS)
        assert found is not None
        return found

    def __call__(self, headlines: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the tokens of each title and its end, (tokens + 1,) int64.

        Raises:
            DataError: the tokens of a title are not the title: something would be lost.
        """
        encoded = self.tokenizer.encode_batch(list(headlines), add_special_tokens=False)
        decoded_headlines = self.tokenizer.decode_batch(
            [one.ids for one in encoded], skip_special_tokens=False
        )
        for title, decoded in zip(headlines, decoded_headlines, strict=True):
            if decoded.removeprefix(" ") != title:
                raise DataError(f"the tokenizer turns {title!r} into {decoded!r}: train it anew")
        return [np.array([*one.ids, self.eos_token_id], np.int64) for one in encoded]

    def stream(self, headlines: Sequence[str]) -> NDArray[np.int64]:
        """Return the tokens of all titles in a row, each with its end; an end stands before all."""
        return np.concatenate([np.array([self.eos_token_id]), *self(headlines)])

    def decode(self, ids: Sequence[int] | NDArray[np.int64]) -> str:
        """Return the text of tokens, the ends of titles as they are written."""
        numbers = np.asarray(ids, np.int64).tolist()
        return str(self.tokenizer.decode(numbers, skip_special_tokens=False))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_atomic(path, self.tokenizer.to_str())


def load_headline_tokenizer(path: Path) -> HeadlineTokenizer:
    """Read what `HeadlineTokenizer.save` wrote; raise DataError where it is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        return HeadlineTokenizer(Tokenizer.from_str(text))
    except Exception as problem:  # the library raises nothing narrower
        raise DataError(f"{path.name} is no tokenizer ({problem}): train anew") from None


def train_headline_tokenizer(
    headlines: Iterable[str], kind: TokenizerKind = "bpe", *, vocab_size: int = 16_000
) -> HeadlineTokenizer:
    """Train a tokenizer on titles, over their bytes, so that it can write any other title too.

    `bpe` merges pairs (Sennrich et al., 2016); `unigram` keeps the tokens that make the titles
    likeliest (Kudo, 2018).

    Raises:
        ParameterError: an unknown kind, or a vocabulary that has no room for the 256 bytes.
    """
    if kind not in get_args(TokenizerKind):
        raise ParameterError(f"tokenizer={kind!r} is none of {', '.join(get_args(TokenizerKind))}")
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if vocab_size < len(alphabet) + len(SPECIAL_TOKENS):
        raise ParameterError(f"vocab_size={vocab_size}: the bytes alone are {len(alphabet)} tokens")
    shared: dict[str, Any] = {
        "vocab_size": vocab_size,
        "initial_alphabet": alphabet,
        "special_tokens": list(SPECIAL_TOKENS),
        "show_progress": False,
    }
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        trainer: Any = trainers.BpeTrainer(**shared)
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(unk_token=SPECIAL_TOKENS[2], **shared)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(headlines, trainer)
    return HeadlineTokenizer(tokenizer)
