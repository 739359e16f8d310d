"""N-grams of each class, mixed with those of all texts and with the words that a text repeats."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from wholescript.features.word_vocabulary import WordVocabulary, tokenize_words_and_punctuation
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.documents.base import NOT_IN_CONFIG, Arrays, Metadata
from wholescript.models.documents.ngram import NgramClassifier, NgramFit
from wholescript.models.ngram_lm import KneserNeyLM
from wholescript.models.sklearn_classifier import FloatArray, IntArray

Float64Array = NDArray[np.float64]
BACKGROUND_PREFIX = "shared."


@dataclass(kw_only=True)
class InterpolatedNgramClassifier(NgramClassifier):
    """The class under which a text is likeliest, each word foretold by a mixture of three.

    They are the n-grams of the class; those of all texts, `unlabelled` ones among them (Jelinek and
    Mercer, 1980), so that what is rare in a class is no evidence against it; and the words of the
    text so far (Kuhn and De Mori, 1990), so that a word which stands there already is no new
    evidence. Order and weights are those with the best log loss on validation.
    """

    name: ClassVar[str] = "ngram-mixed"
    orders: tuple[int, ...] = (3, 4, 5)
    background_order: int = 3
    background_weights: tuple[float, ...] = (0.005, 0.01, 0.02, 0.05)
    cache_weights: tuple[float, ...] = (0.1, 0.2, 0.3)
    # The fingerprint of a set tells which they are.
    unlabelled: Sequence[str] = field(default=(), repr=False, metadata=NOT_IN_CONFIG)
    background: KneserNeyLM = field(init=False, repr=False)
    weights: tuple[float, float] = field(init=False, repr=False)

    def fit_scores(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes)."""
        self.words = WordVocabulary.of([*texts, *self.unlabelled], min_count=self.min_count)
        numbers, held = self.words(texts), self.words(val_texts)
        everything = [*numbers, *self.words(self.unlabelled)]
        self.background = KneserNeyLM.of(everything, self.words.vocab_size, self.background_order)
        prior = BayesRule.of(labels, self.classes)
        fits = (
            NgramFit.of(
                {"order": order, "shared": weights[0], "repeated": weights[1]},
                models, mixture.log_likelihoods(*weights), val_labels, prior,
            )
            for order in self.orders
            for models in [self.fit_class_models(numbers, labels, order)]
            for mixture in [InterpolatedProbabilities.of(models, self.background, held)]
            for weights in product(self.background_weights, self.cache_weights)
        )  # fmt: skip
        best = min(fits, key=lambda fit: fit.loss)
        self.weights = best.chosen["shared"], best.chosen["repeated"]
        return self.set_best_fit(best, held, val_labels)

    def log_likelihoods(self, texts: Sequence[str]) -> Float64Array:
        """Return the log-likelihood of each whole text under each class, (n, classes), in nats."""
        mixture = InterpolatedProbabilities.of(self.models, self.background, self.words(texts))
        return mixture.log_likelihoods(*self.weights)

    def token_log_probs(self, text: str) -> tuple[list[str], FloatArray]:
        """Return the words of a text, and the log-probability of each, (words + 1, classes).

        The last row is of the end of the text.
        """
        mixture = InterpolatedProbabilities.of(self.models, self.background, self.words([text]))
        logs = mixture.log_probabilities(*self.weights)
        return tokenize_words_and_punctuation(text), logs.astype(np.float32)

    @property
    def parameters(self) -> dict[str, int]:
        """The probabilities and weights of all models."""
        count = super().parameters["parameters"] + self.background.size
        return {"parameters": count, "trained_parameters": count}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return what was fitted."""
        arrays, metadata = super().state_dict()
        background = {
            f"{BACKGROUND_PREFIX}{name}": value
            for name, value in self.background.state_dict().items()
        }
        return arrays | background, metadata | {"weights": self.weights}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what was fitted."""
        super().load_state_dict(arrays, metadata)
        self.weights = tuple(metadata["weights"])
        theirs = {
            k.removeprefix(BACKGROUND_PREFIX): v
            for k, v in arrays.items()
            if k.startswith(BACKGROUND_PREFIX)
        }
        self.background = KneserNeyLM.from_state_dict(theirs, self.words.vocab_size)


@dataclass(frozen=True)
class InterpolatedProbabilities:
    """Three ways to foretell each word of some texts, their ends included: probabilities.

    `class_probs` (words, classes) are those of the n-grams of each class, `background` (words,) those of all
    texts, `cache` (words,) the share of a word among those before it, `position` (words,) how many
    words of its text stand there.
    """

    class_probs: Float64Array
    background: Float64Array
    cache: Float64Array
    position: IntArray

    @classmethod
    def of(
        cls, models: Sequence[KneserNeyLM], background: KneserNeyLM, texts: Sequence[IntArray]
    ) -> Self:
        """Ask n-gram models of texts, each (words,) int64."""
        lengths = np.array([len(ids) + 1 for ids in texts])
        position = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        class_probs = [_probabilities(model, texts) for model in models]
        return cls(
            np.stack(class_probs, axis=1),
            _probabilities(background, texts),
            _cache_probs(texts),
            position,
        )

    def log_probabilities(self, background: float, cache: float) -> Float64Array:
        """Return the log-probability of each word under each class, (words, classes), in nats.

        A first word, that can repeat none, is left to the class.
        """
        again = np.where(self.position > 0, cache, 0.0)
        of_all = background * self.background + again * self.cache
        return np.asarray(
            np.log((1 - background - again)[:, None] * self.class_probs + of_all[:, None])
        )

    def log_likelihoods(self, background: float, cache: float) -> Float64Array:
        """Return the log-likelihood of each text under each class, (n, classes), in nats."""
        logs = self.log_probabilities(background, cache)
        return np.add.reduceat(logs, np.flatnonzero(self.position == 0))


def _probabilities(model: KneserNeyLM, texts: Sequence[IntArray]) -> Float64Array:
    return np.exp(np.concatenate(model.log_probabilities(texts)).astype(np.float64))


def _cache_probs(texts: Sequence[IntArray]) -> Float64Array:
    """Return the share that each word has of those before it in its text, 0 for ends."""
    shares: list[Float64Array] = []
    for ids in texts:
        alike = np.argsort(ids, kind="stable")
        ordered = ids[alike]
        first = np.searchsorted(ordered, ordered)
        before = np.zeros(len(ids) + 1)
        before[alike] = np.arange(len(ids)) - first
        shares.append(before / np.maximum(np.arange(len(ids) + 1), 1))
    return np.concatenate(shares)
