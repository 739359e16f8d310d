"""An n-gram language model with modified Kneser-Ney smoothing.

Chen and Goodman, "An empirical study of smoothing techniques for language modeling" (1999): the
count of each n-gram is lowered by one of three discounts, and what is saved goes to the model of
the shorter history, in which a word counts by how many different words it follows.

All of it is arrays: an n-gram is known by a number, that of its first n - 1 words times the number
of words plus its last word, so that millions of them are counted, or looked up, at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wholescript.errors import DataError, ParameterError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
DEFAULT_DISCOUNTS = (0.5, 1.0, 1.5)  # where there are too few n-grams to estimate them from


@dataclass(frozen=True)
class NgramTable:
    """The n-grams of one length: sorted `keys`, (n,) int64, what each has, what each passes on.

    `discounted_prob` (n,) float32 is the discounted share of an n-gram among those with its history. `backoff_weight`
    (n,) float32 is what an n-gram, as a history, leaves to the shorter one: 1 where no word follows
    it. The longest n-grams are no histories, and it is empty.
    """

    keys: IntArray
    discounted_prob: FloatArray
    backoff_weight: FloatArray

    def lookup(self, keys: IntArray) -> IntArray:
        """Return the place of each key, -1 where it is not there."""
        position = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[position] == keys, position, -1)


@dataclass(frozen=True)
class KneserNeyLM:
    """The probability of a word after those before it, by n-grams of up to `order` words.

    Words are numbers below `vocab_size`. A text begins after as many marks as a history is long,
    and ends with a mark that is predicted like a word. `unseen_prob` is the probability of any word that
    was never seen.
    """

    vocab_size: int
    tables: tuple[NgramTable, ...]
    unseen_prob: float

    @property
    def order(self) -> int:
        """How many words the longest n-grams have."""
        return len(self.tables)

    @property
    def size(self) -> int:
        """How many probabilities and weights it has."""
        return sum(len(level.discounted_prob) + len(level.backoff_weight) for level in self.tables)

    @classmethod
    def of(cls, texts: Sequence[IntArray], vocab_size: int, order: int = 3) -> Self:
        """Count the n-grams of texts, each (words,) int64 below `vocab_size`.

        Raises:
            DataError: there is no text.
            ParameterError: an order below 1.
        """
        if order < 1:
            raise ParameterError(f"order={order}: an n-gram has one word at least")
        if not len(texts):
            raise DataError("a language model needs one text at least")
        stream = TokenStream.of(texts, vocab_size, order)
        ngrams = [_NgramCounts.of(stream, 1, np.zeros(len(stream.words), np.int64))]
        while len(ngrams) < order:
            ngrams.append(_NgramCounts.of(stream, len(ngrams) + 1, ngrams[-1].ids))
        shares, histories = [], 1
        for shorter, longer in zip(ngrams, [*ngrams[1:], None], strict=True):
            counts = shorter.adjusted(longer)
            shares.append(_discounted_probs(counts, shorter.keys // stream.base, histories))
            histories = len(shorter.keys)
        # What a level leaves is told of its histories, which are the n-grams of the level before.
        backoff_weight = [backoff_weight for _, backoff_weight in shares[1:]]
        tables = [
            NgramTable(counted.keys, discounted_prob, left_over)
            for counted, (discounted_prob, _), left_over in zip(
                ngrams, shares, [*backoff_weight, np.zeros(0, np.float32)], strict=True
            )
        ]
        return cls(vocab_size, tuple(tables), float(shares[0][1][0]) / (vocab_size + 1))

    def log_probabilities(self, texts: Sequence[IntArray]) -> list[FloatArray]:
        """Return the log-probability, in nats, of each word of each text, and of its end.

        Exact: no text is cut, and the probabilities of all words after any history sum to one.
        """
        stream = TokenStream.of(texts, self.vocab_size, self.order)
        words = stream.words
        ids = np.zeros(len(words), np.int64)
        probability = np.full(len(words), self.unseen_prob)
        for length, level in enumerate(self.tables, 1):
            history = np.concatenate([[-1], ids[:-1]]) if length > 1 else ids
            known = history >= 0
            found = np.where(known, level.lookup(history * stream.base + words), -1)
            if length > 1:
                probability *= np.where(known, self.tables[length - 2].backoff_weight[history], 1.0)
            probability += np.where(found >= 0, level.discounted_prob[found], 0.0)
            ids = found
        logs = np.log(probability[stream.scored]).astype(np.float32)
        return np.split(logs, np.cumsum([len(text) + 1 for text in texts])[:-1])

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays."""
        arrays: dict[str, NDArray[Any]] = {"floor": np.array([self.unseen_prob])}
        for number, level in enumerate(self.tables):
            arrays |= {f"{number}.{name}": value for name, value in vars(level).items()}
        return arrays

    @classmethod
    def from_state_dict(cls, arrays: Mapping[str, NDArray[Any]], vocab_size: int) -> Self:
        """Take it out of the arrays of `state_dict`."""
        count = sum(name.endswith(".keys") for name in arrays)
        tables = [
            NgramTable(*(arrays[f"{number}.{name}"] for name in ("keys", "own", "left")))
            for number in range(count)
        ]
        return cls(vocab_size, tuple(tables), float(arrays["floor"][0]))


@dataclass(frozen=True)
class TokenStream:
    """Texts one after another: `words` (n,) with the marks of their begin and end among them.

    `position` (n,) counts from the first mark of a text; `scored` (n,) is True for what is predicted.
    A history never reaches into another text, since it is no longer than the marks at the begin.
    """

    words: IntArray
    position: IntArray
    scored: NDArray[np.bool_]
    base: int

    @classmethod
    def of(cls, texts: Sequence[IntArray], vocab_size: int, order: int) -> Self:
        """Put marks around texts and join them."""
        begin, end = np.full(order - 1, vocab_size), np.array([vocab_size + 1])
        words = np.concatenate([part for text in texts for part in (begin, text, end)])
        lengths = np.array([len(text) + order for text in texts])
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        position = np.arange(len(words)) - first
        return cls(words.astype(np.int64), position, position >= order - 1, vocab_size + 2)

    @property
    def begin(self) -> int:
        """The mark before a text."""
        return self.base - 2


@dataclass(frozen=True)
class _NgramCounts:
    """The n-grams of one length in a stream: `ids` (words,) says which ends at each place.

    `keys` and `counts` are theirs, `suffix` is the n-gram without its first word, `at_begin` says
    whether that first word is the mark before a text.
    """

    ids: IntArray
    keys: IntArray
    counts: IntArray
    suffix: IntArray
    at_begin: NDArray[np.bool_]

    @classmethod
    def of(cls, stream: TokenStream, length: int, shorter: IntArray) -> Self:
        """Count n-grams of `length`, given which of those one word shorter ends at each place."""
        within = np.flatnonzero(stream.position >= length - 1)
        history = shorter[within - 1] if length > 1 else np.zeros(len(within), np.int64)
        keys, first, position = np.unique(
            history * stream.base + stream.words[within], return_index=True, return_inverse=True
        )
        ids = np.zeros(len(stream.words), np.int64)
        ids[within] = position
        counts = np.bincount(position, weights=stream.scored[within], minlength=len(keys))
        begin = stream.words[within[first] - (length - 1)] == stream.begin
        return cls(ids, keys, counts.astype(np.int64), shorter[within[first]], begin)

    def adjusted(self, longer: "_Counted | None") -> IntArray:
        """Return by how many different words each n-gram is preceded.

        It is the plain count of the longest n-grams, and of those that begin a text, before which
        there is no word.
        """
        if longer is None:
            return self.counts
        preceded = np.bincount(longer.suffix[longer.counts > 0], minlength=len(self.keys))
        return np.where(self.at_begin, self.counts, preceded)


def _discounted_probs(
    counts: IntArray, history: IntArray, histories: int
) -> tuple[FloatArray, FloatArray]:
    """Return the discounted share of each n-gram, and what each of the histories leaves."""
    n = [int((counts == times).sum()) for times in range(1, 5)]
    discount = np.array([0.0, *_estimate_discounts(n)])[counts.clip(max=3)]
    total = np.bincount(history, counts, histories)
    with np.errstate(invalid="ignore", divide="ignore"):
        discounted_prob = np.nan_to_num((counts - discount) / total[history])
        backoff_weight = np.bincount(history, discount, histories) / total
    return discounted_prob.astype(np.float32), np.where(total > 0, backoff_weight, 1.0).astype(
        np.float32
    )


def _estimate_discounts(n: Sequence[int]) -> Sequence[float]:
    """Return what n-grams seen once, twice and more often lose; `n` are those seen 1 to 4 times."""
    if 0 in n:
        return DEFAULT_DISCOUNTS
    share = n[0] / (n[0] + 2 * n[1])
    found = [times - (times + 1) * share * n[times] / n[times - 1] for times in (1, 2, 3)]
    fine = all(0 < value <= times for times, value in enumerate(found, 1))
    return found if fine else DEFAULT_DISCOUNTS
