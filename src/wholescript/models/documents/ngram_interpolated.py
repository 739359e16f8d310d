"""Class-conditional n-grams interpolated with a background model and a cache model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, ClassVar, Self

import numpy as np
from annotated_types import MinLen

from wholescript.features.tokenizers import WordTokenizer, tokenize_words_and_punctuation
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.documents.ngram import NgramClassifier, NgramFit, Orders
from wholescript.models.documents.sklearn_classifier import NOT_IN_CONFIG, Arrays, Metadata
from wholescript.models.ngram_lm import KneserNeyLM
from wholescript.models.types import Float32Array, Float64Array, IntArray
from wholescript.settings import PositiveInt, Weight

Weights = Annotated[tuple[Weight, ...], MinLen(1)]

BACKGROUND_PREFIX = "background."


@dataclass(kw_only=True)
class InterpolatedNgramClassifier(NgramClassifier):
    """Class-conditional n-grams interpolated with a background and a cache model.

    The background is an n-gram model of all texts, including `unlabelled` ones (Jelinek and Mercer,
    1980): a word that is rare in a class is then weaker evidence against it. The cache is the
    relative frequency of a word in the text so far (Kuhn and De Mori, 1990): a repeated word is
    then weaker evidence. The order and the weights are those with the best calibrated log loss on
    validation.
    """

    name: ClassVar[str] = "ngram-interpolated"
    model: ClassVar[str] = "InterpolatedNgramClassifier"
    orders: Orders = (3, 4, 5)
    """Values of n, the longest n-gram; the best on validation is kept."""
    background_order: PositiveInt = 3
    """Longest n-gram of the background model."""
    background_weights: Weights = (0.005, 0.01, 0.02, 0.05)
    """Weights of the background model; the best on validation is kept."""
    cache_weights: Weights = (0.1, 0.2, 0.3)
    """Weights of the cache model; the best on validation is kept."""
    # Not in the configuration: the fingerprint of the dataset identifies these texts.
    unlabelled: Sequence[str] = field(default=(), repr=False, metadata=NOT_IN_CONFIG)
    background: KneserNeyLM = field(init=False, repr=False)
    weights: tuple[float, float] = field(init=False, repr=False)

    def fit_uncalibrated(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Float32Array:
        """Fit, and return the logits of the validation texts, (n, n_classes)."""
        self.tokenizer = WordTokenizer.from_texts(
            [*texts, *self.unlabelled], min_count=self.min_count
        )
        ids, val_ids = self.tokenizer(texts), self.tokenizer(val_texts)
        all_ids = [*ids, *self.tokenizer(self.unlabelled)]
        self.background = KneserNeyLM.fit(all_ids, self.tokenizer.vocab_size, self.background_order)
        prior = BayesRule.from_labels(labels, self.n_classes)
        fits = (
            NgramFit.calibrate(
                {"order": order, "background": weights[0], "cache": weights[1]},
                models, probabilities.log_likelihoods(*weights), val_labels, prior,
            )
            for order in self.orders
            for models in [self.fit_class_models(ids, labels, order)]
            for probabilities in [ComponentProbabilities.compute(models, self.background, val_ids)]
            for weights in product(self.background_weights, self.cache_weights)
        )  # fmt: skip
        best = min(fits, key=lambda fit: fit.loss)
        self.weights = best.chosen["background"], best.chosen["cache"]
        return self.set_best_fit(best, val_ids, val_labels)

    def log_likelihoods(self, texts: Sequence[str]) -> Float64Array:
        """Return the log-likelihood of each text under each class, (n, n_classes), in nats."""
        return self._components(texts).log_likelihoods(*self.weights)

    def token_log_probs(self, text: str) -> tuple[list[str], Float32Array]:
        """Return the words of a text, and the log-probability of each, (n_words + 1, n_classes).

        The last row is the end of the text.
        """
        logs = self._components([text]).log_probabilities(*self.weights)
        return tokenize_words_and_punctuation(text), logs.astype(np.float32)

    @property
    def parameter_counts(self) -> dict[str, int]:
        """The probabilities and backoff weights of all models, the background included."""
        count = super().parameter_counts["parameters"] + self.background.n_parameters
        return {"parameters": count, "trained_parameters": count}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the tables of the models, the vocabulary, the rule and the weights."""
        arrays, metadata = super().state_dict()
        background = {
            f"{BACKGROUND_PREFIX}{name}": value
            for name, value in self.background.state_dict().items()
        }
        return arrays | background, metadata | {"weights": self.weights}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""
        super().load_state_dict(arrays, metadata)
        self.weights = tuple(metadata["weights"])
        background = {
            k.removeprefix(BACKGROUND_PREFIX): v
            for k, v in arrays.items()
            if k.startswith(BACKGROUND_PREFIX)
        }
        self.background = KneserNeyLM.from_state_dict(background, self.tokenizer.vocab_size)

    def _components(self, texts: Sequence[str]) -> "ComponentProbabilities":
        return ComponentProbabilities.compute(self.models, self.background, self.tokenizer(texts))


@dataclass(frozen=True)
class ComponentProbabilities:
    """The probabilities of each word of some texts, and of their ends, under the three components.

    `class_probs` (n_words, n_classes) are those of the class models, `background` (n_words,) those
    of the background model, `cache` (n_words,) the relative frequency of the word among the
    preceding words of its text, and `position` (n_words,) the number of preceding words.
    """

    class_probs: Float64Array
    background: Float64Array
    cache: Float64Array
    position: IntArray

    @classmethod
    def compute(
        cls, models: Sequence[KneserNeyLM], background: KneserNeyLM, texts: Sequence[IntArray]
    ) -> Self:
        """Compute the probabilities of texts, each (n_words,) int64."""
        lengths = np.array([len(ids) + 1 for ids in texts])
        position = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return cls(
            np.stack([_probabilities(model, texts) for model in models], axis=1),
            _probabilities(background, texts),
            _cache_probs(texts),
            position,
        )

    def log_probabilities(self, background: float, cache: float) -> Float64Array:
        """Return the log-probability of each word under each class, (n_words, n_classes), in nats.

        `background` and `cache` are the weights; the class model has the rest. The first word of
        a text has no cache weight.
        """
        cache_weight = np.where(self.position > 0, cache, 0.0)
        shared = background * self.background + cache_weight * self.cache
        class_weight = (1 - background - cache_weight)[:, None]
        return np.asarray(np.log(class_weight * self.class_probs + shared[:, None]))

    def log_likelihoods(self, background: float, cache: float) -> Float64Array:
        """Return the log-likelihood of each text under each class, (n, n_classes), in nats."""
        logs = self.log_probabilities(background, cache)
        return np.add.reduceat(logs, np.flatnonzero(self.position == 0))


def _probabilities(model: KneserNeyLM, texts: Sequence[IntArray]) -> Float64Array:
    return np.exp(np.concatenate(model.log_probabilities(texts)).astype(np.float64))


def _cache_probs(texts: Sequence[IntArray]) -> Float64Array:
    """Return each word's relative frequency among the words before it in its text, 0 for ends."""
    parts: list[Float64Array] = []
    for ids in texts:
        by_word = np.argsort(ids, kind="stable")
        ordered = ids[by_word]
        first = np.searchsorted(ordered, ordered)
        count_before = np.zeros(len(ids) + 1)
        count_before[by_word] = np.arange(len(ids)) - first
        parts.append(count_before / np.maximum(np.arange(len(ids) + 1), 1))
    return np.concatenate(parts)
