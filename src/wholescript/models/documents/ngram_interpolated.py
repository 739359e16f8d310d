"""N-grams of each class, mixed with those of all texts and with the words that a text repeats."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from wholescript.features.word_vocabulary import WordIds, words_and_marks
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.documents.base import ASIDE, Arrays, Note
from wholescript.models.documents.ngram import NgramBayes, NgramFit
from wholescript.models.ngram_lm import KneserNey
from wholescript.models.sklearn_classifier import FloatArray, IntArray

Doubles = NDArray[np.float64]
SHARED = "shared."


@dataclass(kw_only=True)
class MixedNgrams(NgramBayes):
    """The class under which a text is likeliest, each word foretold by a mixture of three.

    They are the n-grams of the class; those of all texts, `unlabelled` ones among them (Jelinek and
    Mercer, 1980), so that what is rare in a class is no evidence against it; and the words of the
    text so far (Kuhn and De Mori, 1990), so that a word which stands there already is no new
    evidence. Order and weights are those with the best log loss on validation.
    """

    name: ClassVar[str] = "ngram-mixed"
    orders: tuple[int, ...] = (3, 4, 5)
    shared_order: int = 3
    shared_weights: tuple[float, ...] = (0.005, 0.01, 0.02, 0.05)
    repeated_weights: tuple[float, ...] = (0.1, 0.2, 0.3)
    # The fingerprint of a set tells which they are.
    unlabelled: Sequence[str] = field(default=(), repr=False, metadata=ASIDE)
    shared: KneserNey = field(init=False, repr=False)
    weights: tuple[float, float] = field(init=False, repr=False)

    def learn(
        self,
        texts: Sequence[str],
        labels: IntArray,
        held_texts: Sequence[str],
        held_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes)."""
        self.words = WordIds.of([*texts, *self.unlabelled], min_count=self.min_count)
        numbers, held = self.words(texts), self.words(held_texts)
        everything = [*numbers, *self.words(self.unlabelled)]
        self.shared = KneserNey.of(everything, self.words.vocabulary, self.shared_order)
        prior = BayesRule.of(labels, self.classes)
        fits = (
            NgramFit.of(
                {"order": order, "shared": weights[0], "repeated": weights[1]},
                models, mixture.log_likelihoods(*weights), held_labels, prior,
            )
            for order in self.orders
            for models in [self.class_models(numbers, labels, order)]
            for mixture in [Mixture.of(models, self.shared, held)]
            for weights in product(self.shared_weights, self.repeated_weights)
        )  # fmt: skip
        best = min(fits, key=lambda fit: fit.loss)
        self.weights = best.chosen["shared"], best.chosen["repeated"]
        return self.keep(best, held, held_labels)

    def log_likelihoods(self, texts: Sequence[str]) -> Doubles:
        """Return the log-likelihood of each whole text under each class, (n, classes), in nats."""
        mixture = Mixture.of(self.models, self.shared, self.words(texts))
        return mixture.log_likelihoods(*self.weights)

    def by_word(self, text: str) -> tuple[list[str], FloatArray]:
        """Return the words of a text, and the log-probability of each, (words + 1, classes).

        The last row is of the end of the text.
        """
        mixture = Mixture.of(self.models, self.shared, self.words([text]))
        logs = mixture.log_probabilities(*self.weights)
        return words_and_marks(text), logs.astype(np.float32)

    @property
    def parameters(self) -> dict[str, int]:
        """The probabilities and weights of all models."""
        count = super().parameters["parameters"] + self.shared.size
        return {"parameters": count, "trained_parameters": count}

    def state(self) -> tuple[Arrays, Note]:
        """Return what was fitted."""
        arrays, note = super().state()
        shared = {f"{SHARED}{name}": value for name, value in self.shared.state().items()}
        return arrays | shared, note | {"weights": self.weights}

    def restore(self, arrays: Arrays, note: Note) -> None:
        """Take back what was fitted."""
        super().restore(arrays, note)
        self.weights = tuple(note["weights"])
        theirs = {k.removeprefix(SHARED): v for k, v in arrays.items() if k.startswith(SHARED)}
        self.shared = KneserNey.restored(theirs, self.words.vocabulary)


@dataclass(frozen=True)
class Mixture:
    """Three ways to foretell each word of some texts, their ends included: probabilities.

    `own` (words, classes) are those of the n-grams of each class, `shared` (words,) those of all
    texts, `repeated` (words,) the share of a word among those before it, `place` (words,) how many
    words of its text stand there.
    """

    own: Doubles
    shared: Doubles
    repeated: Doubles
    place: IntArray

    @classmethod
    def of(cls, models: Sequence[KneserNey], shared: KneserNey, texts: Sequence[IntArray]) -> Self:
        """Ask n-gram models of texts, each (words,) int64."""
        lengths = np.array([len(ids) + 1 for ids in texts])
        place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        own = [_probabilities(model, texts) for model in models]
        return cls(np.stack(own, axis=1), _probabilities(shared, texts), _repeated(texts), place)

    def log_probabilities(self, shared: float, repeated: float) -> Doubles:
        """Return the log-probability of each word under each class, (words, classes), in nats.

        A first word, that can repeat none, is left to the class.
        """
        again = np.where(self.place > 0, repeated, 0.0)
        of_all = shared * self.shared + again * self.repeated
        return np.asarray(np.log((1 - shared - again)[:, None] * self.own + of_all[:, None]))

    def log_likelihoods(self, shared: float, repeated: float) -> Doubles:
        """Return the log-likelihood of each text under each class, (n, classes), in nats."""
        logs = self.log_probabilities(shared, repeated)
        return np.add.reduceat(logs, np.flatnonzero(self.place == 0))


def _probabilities(model: KneserNey, texts: Sequence[IntArray]) -> Doubles:
    return np.exp(np.concatenate(model.log_probabilities(texts)).astype(np.float64))


def _repeated(texts: Sequence[IntArray]) -> Doubles:
    """Return the share that each word has of those before it in its text, 0 for ends."""
    shares: list[Doubles] = []
    for ids in texts:
        alike = np.argsort(ids, kind="stable")
        ordered = ids[alike]
        first = np.searchsorted(ordered, ordered)
        before = np.zeros(len(ids) + 1)
        before[alike] = np.arange(len(ids)) - first
        shares.append(before / np.maximum(np.arange(len(ids) + 1), 1))
    return np.concatenate(shares)
