"""A language model for each class, made of n-grams, and Bayes' rule: a generative classifier."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from wholescript.features.word_vocabulary import WordVocabulary, tokenize_words_and_punctuation
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.documents.base import Arrays, Metadata, SklearnClassifier
from wholescript.models.ngram_lm import KneserNeyLM
from wholescript.models.sklearn_classifier import FloatArray, IntArray, softmax_with_temperature


@dataclass(kw_only=True)
class NgramClassifier(SklearnClassifier):
    """The class whose n-gram language model finds a text most likely, with the priors of classes.

    All models have the same words, those that stand `min_count` times in training: probabilities of
    a text are comparable only over the same words. The order is the one of `orders` with the best
    log loss on validation, once calibrated there.
    """

    name: ClassVar[str] = "ngram-bayes"
    orders: tuple[int, ...] = (2, 3, 4)
    min_count: int = 2
    words: WordVocabulary = field(init=False, repr=False)
    models: list[KneserNeyLM] = field(init=False, repr=False)
    rule: BayesRule = field(init=False, repr=False)

    def fit_scores(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes)."""
        self.words = WordVocabulary.of(texts, min_count=self.min_count)
        numbers, held = self.words(texts), self.words(val_texts)
        prior = BayesRule.of(labels, self.classes)
        fits = (
            NgramFit.of({"order": order}, models, _log_likelihoods(models, held), val_labels, prior)
            for order in self.orders
            for models in [self.fit_class_models(numbers, labels, order)]
        )
        return self.set_best_fit(min(fits, key=lambda fit: fit.loss), held, val_labels)

    def fit_class_models(
        self, numbers: Sequence[IntArray], labels: IntArray, order: int
    ) -> list[KneserNeyLM]:
        """Return a model of the texts of each class."""
        of_class: list[list[IntArray]] = [[] for _ in range(self.classes)]
        for ids, label in zip(numbers, labels, strict=True):
            of_class[label].append(ids)
        return [KneserNeyLM.of(theirs, self.words.vocab_size, order) for theirs in of_class]

    def set_best_fit(
        self, fit: "NgramFit", held: Sequence[IntArray], val_labels: IntArray
    ) -> FloatArray:
        """Take what was fitted, and return its scores of the held-out texts."""
        self.models, self.rule = fit.models, fit.rule
        own = fit.likelihoods[np.arange(len(held)), val_labels].sum()
        self.chosen = fit.chosen | {
            "validation_log_loss": round(fit.loss, 5),
            "perplexity": round(float(np.exp(-own / sum(len(ids) + 1 for ids in held))), 3),
            "temperature": round(fit.rule.temperature, 3),
            "growth": round(fit.rule.length_exponent, 3),
        }
        return np.asarray(fit.rule.scores(fit.likelihoods), np.float32)

    def log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-likelihood of each whole text under each class, (n, classes), in nats."""
        return _log_likelihoods(self.models, self.words(texts))

    def token_log_probs(self, text: str) -> tuple[list[str], NDArray[np.float32]]:
        """Return the words of a text, and the log-probability of each, (words + 1, classes).

        The last row is of the end of the text.
        """
        numbers = self.words([text])
        columns = [model.log_probabilities(numbers)[0] for model in self.models]
        return tokenize_words_and_punctuation(text), np.stack(columns, axis=1)

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> FloatArray:
        """Return what `predict_proba` says of texts of these log-likelihoods."""
        scores = np.asarray(self.rule.scores(log_likelihoods), np.float32)
        return softmax_with_temperature(scores, self.temperature)

    def decision_function(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        return np.asarray(self.rule.scores(self.log_likelihoods(texts)), np.float32)

    @property
    def parameters(self) -> dict[str, int]:
        """The probabilities and weights of all models."""
        count = sum(model.size for model in self.models)
        return {"parameters": count, "trained_parameters": count}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return what was fitted."""
        arrays = {
            f"{c}.{name}": value
            for c, model in enumerate(self.models)
            for name, value in model.state_dict().items()
        }
        return arrays, {"words": list(self.words.words), "rule": self.rule.metadata()}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what was fitted."""
        self.words = WordVocabulary(tuple(metadata["words"]))
        self.rule = BayesRule.from_state_dict(metadata["rule"])
        self.models = []
        for c in range(self.classes):
            theirs = {
                k.removeprefix(f"{c}."): v for k, v in arrays.items() if k.startswith(f"{c}.")
            }
            self.models.append(KneserNeyLM.from_state_dict(theirs, self.words.vocab_size))


def _log_likelihoods(
    models: Sequence[KneserNeyLM], texts: Sequence[IntArray]
) -> NDArray[np.float64]:
    return np.array(
        [[float(row.sum()) for row in model.log_probabilities(texts)] for model in models]
    ).T


@dataclass(frozen=True)
class NgramFit:
    """Models of classes under the settings `chosen`, and how they judge texts that are held out.

    `likelihoods` (n, classes) are in nats; `rule` is calibrated on them, `loss` its log loss.
    """

    chosen: dict[str, Any]
    models: list[KneserNeyLM]
    likelihoods: NDArray[np.float64]
    rule: BayesRule
    loss: float

    @classmethod
    def of(
        cls,
        chosen: dict[str, Any],
        models: list[KneserNeyLM],
        likelihoods: NDArray[np.float64],
        labels: IntArray,
        prior: BayesRule,
    ) -> Self:
        """Calibrate the rule of these priors on what models say of texts with `labels` (n,)."""
        rule = prior.calibrated(likelihoods, labels)
        said = rule.posterior(likelihoods)[np.arange(len(labels)), labels]
        loss = -float(np.log(np.maximum(said, 1e-12)).mean())
        return cls(chosen, models, likelihoods, rule, loss)
