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

Kind = Literal["bpe", "unigram"]
END = "<eos>"
RESERVED = ("<pad>", END, "<unk>")


@dataclass(frozen=True)
class TitleTokens:
    """A tokenizer over bytes, one token of which ends a title.

    A title is read with a space before it, so that its first word is the token that it is
    elsewhere.
    """

    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        """Let a title that reads <eos> be no end of a title."""
        self.tokenizer.encode_special_tokens = True

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self.tokenizer.get_vocab_size()

    @property
    def end(self) -> int:
        """The token that ends a title."""
        found = self.tokenizer.token_to_id(END)
        assert found is not None
        return found

    def __call__(self, titles: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the tokens of each title and its end, (tokens + 1,) int64.

        Raises:
            DataError: the tokens of a title are not the title: something would be lost.
        """
        encoded = self.tokenizer.encode_batch(list(titles), add_special_tokens=False)
        again = self.tokenizer.decode_batch([one.ids for one in encoded], skip_special_tokens=False)
        for title, told in zip(titles, again, strict=True):
            if told.removeprefix(" ") != title:
                raise DataError(f"the tokenizer turns {title!r} into {told!r}: train it anew")
        return [np.array([*one.ids, self.end], np.int64) for one in encoded]

    def stream(self, titles: Sequence[str]) -> NDArray[np.int64]:
        """Return the tokens of all titles in a row, each with its end; an end stands before all."""
        return np.concatenate([np.array([self.end]), *self(titles)])

    def decode(self, ids: Sequence[int] | NDArray[np.int64]) -> str:
        """Return the text of tokens, the ends of titles as they are written."""
        numbers = np.asarray(ids, np.int64).tolist()
        return str(self.tokenizer.decode(numbers, skip_special_tokens=False))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_atomic(path, self.tokenizer.to_str())


def load_title_tokens(path: Path) -> TitleTokens:
    """Read what `TitleTokens.save` wrote; raise DataError where it is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        return TitleTokens(Tokenizer.from_str(text))
    except Exception as problem:  # the library raises nothing narrower
        raise DataError(f"{path.name} is no tokenizer ({problem}): train anew") from None


def train_title_tokens(
    titles: Iterable[str], kind: Kind = "bpe", *, vocabulary: int = 16_000
) -> TitleTokens:
    """Train a tokenizer on titles, over their bytes, so that it can write any other title too.

    `bpe` merges pairs (Sennrich et al., 2016); `unigram` keeps the tokens that make the titles
    likeliest (Kudo, 2018).

    Raises:
        ParameterError: an unknown kind, or a vocabulary that has no room for the 256 bytes.
    """
    if kind not in get_args(Kind):
        raise ParameterError(f"tokenizer={kind!r} is none of {', '.join(get_args(Kind))}")
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if vocabulary < len(alphabet) + len(RESERVED):
        raise ParameterError(f"vocabulary={vocabulary}: the bytes alone are {len(alphabet)} tokens")
    shared: dict[str, Any] = {
        "vocab_size": vocabulary,
        "initial_alphabet": alphabet,
        "special_tokens": list(RESERVED),
        "show_progress": False,
    }
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        trainer: Any = trainers.BpeTrainer(**shared)
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(unk_token=RESERVED[2], **shared)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(titles, trainer)
    return TitleTokens(tokenizer)
