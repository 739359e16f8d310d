"""A lossless byte-level tokenizer for headlines, trained on them, and the token stream."""

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

HeadlineTokenizerKind = Literal["bpe", "unigram"]
EOS = "<eos>"
SPECIAL_TOKENS = ("<pad>", EOS, "<unk>")


@dataclass(frozen=True)
class HeadlineTokenizer:
    """A byte-level tokenizer with one end-of-text token for each headline.

    Headlines are tokenized with a space before them, so that a word has the same token at the
    start of a headline as within one.
    """

    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        """Tokenize special tokens within a headline as ordinary text."""
        self.tokenizer.encode_special_tokens = True

    @property
    def vocab_size(self) -> int:
        """The number of tokens in the vocabulary."""
        return self.tokenizer.get_vocab_size()

    @property
    def eos_token_id(self) -> int:
        """The id of the end-of-text token."""
        found = self.tokenizer.token_to_id(EOS)
        assert found is not None
        return found

    def __call__(self, headlines: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the token ids of each headline and its end-of-text token, (tokens + 1,) int64.

        Raises:
            DataError: a headline cannot be decoded from its tokens.
        """
        encodings = self.tokenizer.encode_batch(list(headlines), add_special_tokens=False)
        decoded_headlines = self.tokenizer.decode_batch(
            [encoding.ids for encoding in encodings], skip_special_tokens=False
        )
        for headline, decoded in zip(headlines, decoded_headlines, strict=True):
            if decoded.removeprefix(" ") != headline:
                raise DataError(
                    f"the tokens of {headline!r} decode to {decoded!r}: train another tokenizer"
                )
        return [np.array([*encoding.ids, self.eos_token_id], np.int64) for encoding in encodings]

    def stream(self, headlines: Sequence[str]) -> NDArray[np.int64]:
        """Return the token ids of all headlines, (tokens,), with end-of-text around each."""
        return np.concatenate([np.array([self.eos_token_id]), *self(headlines)])

    def decode(self, ids: Sequence[int] | NDArray[np.int64]) -> str:
        """Return the text of token ids, special tokens included."""
        as_list = np.asarray(ids, np.int64).tolist()
        return str(self.tokenizer.decode(as_list, skip_special_tokens=False))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_atomic(path, self.tokenizer.to_str())


def load_headline_tokenizer(path: Path) -> HeadlineTokenizer:
    """Load a saved tokenizer; raise DataError if the file is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        return HeadlineTokenizer(Tokenizer.from_str(text))
    except Exception as problem:  # the library raises nothing narrower
        raise DataError(f"{path.name} is no tokenizer ({problem}): train it again") from None


def train_headline_tokenizer(
    headlines: Iterable[str], kind: HeadlineTokenizerKind = "bpe", *, vocab_size: int = 16_000
) -> HeadlineTokenizer:
    """Train a byte-level tokenizer, which can encode any text.

    `bpe` merges the most frequent pairs (Sennrich et al., 2016); `unigram` keeps the tokens that
    maximise the likelihood of the headlines (Kudo, 2018).

    Raises:
        ParameterError: an unknown kind, or a vocabulary without room for all bytes.
    """
    if kind not in get_args(HeadlineTokenizerKind):
        raise ParameterError(
            f"tokenizer={kind!r} is none of {', '.join(get_args(HeadlineTokenizerKind))}"
        )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    smallest = len(alphabet) + len(SPECIAL_TOKENS)
    if vocab_size < smallest:
        raise ParameterError(
            f"vocab_size={vocab_size} must be at least {smallest}: all bytes and special tokens"
        )
    options: dict[str, Any] = {
        "vocab_size": vocab_size,
        "initial_alphabet": alphabet,
        "special_tokens": list(SPECIAL_TOKENS),
        "show_progress": False,
    }
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        trainer: Any = trainers.BpeTrainer(**options)
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(unk_token=SPECIAL_TOKENS[2], **options)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(headlines, trainer)
    return HeadlineTokenizer(tokenizer)
