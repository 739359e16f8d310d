"""An n-gram language model with modified Kneser-Ney smoothing.

Chen and Goodman, "An empirical study of smoothing techniques for language modeling" (1999): the
count of each n-gram is lowered by one of three discounts, and the probability mass that is saved
goes to the model of the shorter history. There, a word counts by the number of different words that
it follows.

Everything is computed on arrays. The key of an n-gram is the id of its first n - 1 words times the
vocabulary size (with two boundary tokens) plus its last word, so that millions of n-grams are
counted or looked up in one operation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import DataError
from wholescript.models.types import Float32Array, IntArray
from wholescript.settings import PositiveInt, checked

DEFAULT_DISCOUNTS = (0.5, 1.0, 1.5)  # if there are too few n-grams to estimate them


@dataclass(frozen=True)
class NgramTable:
    """The n-grams of one length: sorted `keys` (n,) int64 and their probabilities.

    `discounted_prob` (n,) float32 is the discounted relative frequency of an n-gram given its
    history. `backoff_weight` (n,) float32 is the weight of the shorter history if this n-gram is
    the history; it is 1 if no word follows. It is empty for the longest n-grams, which are no
    histories.
    """

    keys: IntArray
    discounted_prob: Float32Array
    backoff_weight: Float32Array

    def lookup(self, keys: IntArray) -> IntArray:
        """Return the index of each key in the table, -1 if it is missing."""
        position = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[position] == keys, position, -1)


@dataclass(frozen=True)
class KneserNeyLM:
    """The probability of a word given the preceding words, from n-grams of up to `order` words.

    Words are ids below `vocab_size`. A text is preceded by order - 1 begin tokens and ends with an
    end token, which is predicted like a word. `unseen_prob` is the probability of a word of which
    nothing is known.
    """

    vocab_size: int
    tables: tuple[NgramTable, ...]
    unseen_prob: float

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.tables)

    @property
    def n_parameters(self) -> int:
        """The number of probabilities and backoff weights."""
        return sum(len(table.discounted_prob) + len(table.backoff_weight) for table in self.tables)

    @classmethod
    @checked
    def fit(cls, texts: Sequence[IntArray], vocab_size: int, order: PositiveInt = 3) -> Self:
        """Count the n-grams of texts, each (n_words,) int64 below `vocab_size`.

        Raises:
            DataError: there is no text.
            ParameterError: an order below 1.
        """
        if not len(texts):
            raise DataError("a language model needs at least one text")
        stream = TokenStream.from_documents(texts, vocab_size, order)
        ngrams = [_NgramCounts.count(stream, 1, np.zeros(len(stream.word_ids), np.int64))]
        while len(ngrams) < order:
            ngrams.append(_NgramCounts.count(stream, len(ngrams) + 1, ngrams[-1].ids))
        probabilities, n_histories = [], 1
        for shorter, longer in zip(ngrams, [*ngrams[1:], None], strict=True):
            counts = shorter.continuation_counts(longer)
            histories = shorter.keys // stream.base
            probabilities.append(_discounted_probs(counts, histories, n_histories))
            n_histories = len(shorter.keys)
        # Each length yields the backoff weights of its histories, the n-grams one word shorter.
        unigram_backoff, *backoff_weights = (weights for _, weights in probabilities)
        backoff_weights.append(np.zeros(0, np.float32))
        tables = tuple(
            NgramTable(counted.keys, discounted_prob, backoff_weight)
            for counted, (discounted_prob, _), backoff_weight in zip(
                ngrams, probabilities, backoff_weights, strict=True
            )
        )
        return cls(vocab_size, tables, float(unigram_backoff[0]) / (vocab_size + 1))

    def log_probabilities(self, texts: Sequence[IntArray]) -> list[Float32Array]:
        """Return the log-probability of each word of each text and of its end, in nats.

        Texts are not truncated. The probabilities of all words after any history sum to 1.
        """
        stream = TokenStream.from_documents(texts, self.vocab_size, self.order)
        word_ids = stream.word_ids
        ids = np.zeros(len(word_ids), np.int64)
        probability = np.full(len(word_ids), self.unseen_prob)
        for length, table in enumerate(self.tables, 1):
            history = np.concatenate([[-1], ids[:-1]]) if length > 1 else ids
            known = history >= 0
            found = np.where(known, table.lookup(history * stream.base + word_ids), -1)
            if length > 1:
                probability *= np.where(known, self.tables[length - 2].backoff_weight[history], 1.0)
            probability += np.where(found >= 0, table.discounted_prob[found], 0.0)
            ids = found
        logs = np.log(probability[stream.scored]).astype(np.float32)
        return np.split(logs, np.cumsum([len(text) + 1 for text in texts])[:-1])

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return the tables as arrays."""
        arrays: dict[str, NDArray[Any]] = {"unseen_prob": np.array([self.unseen_prob])}
        for number, table in enumerate(self.tables):
            arrays |= {f"{number}.{name}": value for name, value in vars(table).items()}
        return arrays

    @classmethod
    def from_state_dict(cls, arrays: Mapping[str, NDArray[Any]], vocab_size: int) -> Self:
        """Read the arrays of `state_dict`."""
        count = sum(name.endswith(".keys") for name in arrays)
        names = ("keys", "discounted_prob", "backoff_weight")
        tables = [NgramTable(*(arrays[f"{i}.{name}"] for name in names)) for i in range(count)]
        return cls(vocab_size, tuple(tables), float(arrays["unseen_prob"][0]))


@dataclass(frozen=True)
class TokenStream:
    """Concatenated texts: `word_ids` (n,) with begin and end tokens.

    `position` (n,) counts from the first begin token of a text; `scored` (n,) is True for predicted
    tokens. `base` is the vocabulary size with both boundary tokens. The begin tokens are as many as
    a history is long, so that no history reaches into the previous text.
    """

    word_ids: IntArray
    position: IntArray
    scored: NDArray[np.bool_]
    base: int

    @classmethod
    def from_documents(cls, texts: Sequence[IntArray], vocab_size: int, order: int) -> Self:
        """Add begin and end tokens to texts and concatenate them."""
        begin, end = np.full(order - 1, vocab_size), np.array([vocab_size + 1])
        word_ids = np.concatenate([part for text in texts for part in (begin, text, end)])
        lengths = np.array([len(text) + order for text in texts])
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        position = np.arange(len(word_ids)) - first
        return cls(word_ids.astype(np.int64), position, position >= order - 1, vocab_size + 2)

    @property
    def begin(self) -> int:
        """The begin token."""
        return self.base - 2


@dataclass(frozen=True)
class _NgramCounts:
    """The n-grams of one length in a stream; `ids` (n_words,) is the n-gram that ends at each word.

    For each n-gram, `keys` and `counts` hold its key and count, `suffix` the id of the n-gram
    without its first word, and `at_begin` whether its first word is the begin token.
    """

    ids: IntArray
    keys: IntArray
    counts: IntArray
    suffix: IntArray
    at_begin: NDArray[np.bool_]

    @classmethod
    def count(cls, stream: TokenStream, length: int, shorter: IntArray) -> Self:
        """Count n-grams of `length`, given the ids of those one word shorter, (n_words,)."""
        within = np.flatnonzero(stream.position >= length - 1)
        history = shorter[within - 1] if length > 1 else np.zeros(len(within), np.int64)
        keys, first, position = np.unique(
            history * stream.base + stream.word_ids[within], return_index=True, return_inverse=True
        )
        ids = np.zeros(len(stream.word_ids), np.int64)
        ids[within] = position
        counts = np.bincount(position, weights=stream.scored[within], minlength=len(keys))
        at_begin = stream.word_ids[within[first] - (length - 1)] == stream.begin
        return cls(ids, keys, counts.astype(np.int64), shorter[within[first]], at_begin)

    def continuation_counts(self, longer: "_NgramCounts | None") -> IntArray:
        """Return the number of different words that precede each n-gram.

        It is the count itself for the longest n-grams (`longer` is None) and for those at the
        begin of a text.
        """
        if longer is None:
            return self.counts
        preceded = np.bincount(longer.suffix[longer.counts > 0], minlength=len(self.keys))
        return np.where(self.at_begin, self.counts, preceded)


def _discounted_probs(
    counts: IntArray, history: IntArray, n_histories: int
) -> tuple[Float32Array, Float32Array]:
    """Return the discounted relative frequencies of n-grams and the backoff weight per history."""
    n = [int((counts == times).sum()) for times in range(1, 5)]
    discount = np.array([0.0, *_estimate_discounts(n)])[counts.clip(max=3)]
    total = np.bincount(history, counts, n_histories)
    with np.errstate(invalid="ignore", divide="ignore"):
        discounted_prob = np.nan_to_num((counts - discount) / total[history])
        backoff_weight = np.bincount(history, discount, n_histories) / total
    backoff_weight = np.where(total > 0, backoff_weight, 1.0)
    return discounted_prob.astype(np.float32), backoff_weight.astype(np.float32)


def _estimate_discounts(n: Sequence[int]) -> Sequence[float]:
    """Return the discounts of n-grams seen once, twice and more often.

    `n` are the numbers of n-grams seen 1, 2, 3 and 4 times.
    """
    if 0 in n:
        return DEFAULT_DISCOUNTS
    share = n[0] / (n[0] + 2 * n[1])
    found = [times - (times + 1) * share * n[times] / n[times - 1] for times in (1, 2, 3)]
    valid = all(0 < value <= times for times, value in enumerate(found, 1))
    return found if valid else DEFAULT_DISCOUNTS
