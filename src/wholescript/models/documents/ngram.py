"""A generative classifier: one n-gram language model per class, combined by Bayes' rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from wholescript.features.tokenizers import WordTokenizer, tokenize_words_and_punctuation
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.calibration import softmax_with_temperature
from wholescript.models.documents.sklearn_classifier import Arrays, Metadata, SklearnClassifier
from wholescript.models.ngram_lm import KneserNeyLM
from wholescript.models.types import Float32Array, Float64Array, IntArray
from wholescript.settings import PositiveInt

Orders = Annotated[tuple[PositiveInt, ...], MinLen(1)]


@dataclass(kw_only=True)
class NgramClassifier(SklearnClassifier):
    """Class-conditional n-gram language models with class priors.

    All models share the vocabulary of words that occur `min_count` times in training, since
    likelihoods of a text are comparable only over the same vocabulary. The order is that of
    `orders` with the best calibrated log loss on validation.
    """

    name: ClassVar[str] = "ngram-bayes"
    model: ClassVar[str] = "NgramClassifier"
    orders: Orders = (2, 3, 4)
    """Values of n, the longest n-gram; the best on validation is kept."""
    min_count: PositiveInt = 2
    """Words that occur less often in the training texts are unknown."""
    tokenizer: WordTokenizer = field(init=False, repr=False)
    models: list[KneserNeyLM] = field(init=False, repr=False)
    rule: BayesRule = field(init=False, repr=False)

    def fit_uncalibrated(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Float32Array:
        """Fit, and return the logits of the validation texts, (n, n_classes)."""
        self.tokenizer = WordTokenizer.from_texts(texts, min_count=self.min_count)
        ids, val_ids = self.tokenizer(texts), self.tokenizer(val_texts)
        prior = BayesRule.from_labels(labels, self.n_classes)
        fits = (
            NgramFit.calibrate(
                {"order": order}, models, _log_likelihoods(models, val_ids), val_labels, prior
            )
            for order in self.orders
            for models in [self.fit_class_models(ids, labels, order)]
        )
        return self.set_best_fit(min(fits, key=lambda fit: fit.loss), val_ids, val_labels)

    def fit_class_models(
        self, ids: Sequence[IntArray], labels: IntArray, order: int
    ) -> list[KneserNeyLM]:
        """Return one model per class, fitted on the texts of the class as word ids."""
        by_class: list[list[IntArray]] = [[] for _ in range(self.n_classes)]
        for text_ids, label in zip(ids, labels, strict=True):
            by_class[label].append(text_ids)
        return [KneserNeyLM.fit(texts, self.tokenizer.vocab_size, order) for texts in by_class]

    def set_best_fit(
        self, fit: "NgramFit", val_ids: Sequence[IntArray], val_labels: IntArray
    ) -> Float32Array:
        """Keep the best fit, and return its logits of the validation texts."""
        self.models, self.rule = fit.models, fit.rule
        own_class = fit.log_likelihoods[np.arange(len(val_ids)), val_labels].sum()
        n_tokens = sum(len(ids) + 1 for ids in val_ids)
        self.chosen = fit.chosen | {
            "validation_log_loss": round(fit.loss, 5),
            "perplexity": round(float(np.exp(-own_class / n_tokens)), 3),
            "temperature": round(fit.rule.temperature, 3),
            "length_exponent": round(fit.rule.length_exponent, 3),
        }
        return np.asarray(fit.rule.logits(fit.log_likelihoods), np.float32)

    def log_likelihoods(self, texts: Sequence[str]) -> Float64Array:
        """Return the log-likelihood of each text under each class, (n, n_classes), in nats."""
        return _log_likelihoods(self.models, self.tokenizer(texts))

    def token_log_probs(self, text: str) -> tuple[list[str], Float32Array]:
        """Return the words of a text, and the log-probability of each, (n_words + 1, n_classes).

        The last row is the end of the text.
        """
        ids = self.tokenizer([text])
        columns = [model.log_probabilities(ids)[0] for model in self.models]
        return tokenize_words_and_punctuation(text), np.stack(columns, axis=1)

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> Float32Array:
        """Return the output of `predict_proba` for texts with these log-likelihoods."""
        logits = np.asarray(self.rule.logits(log_likelihoods), np.float32)
        return softmax_with_temperature(logits, self.temperature)

    def decision_function(self, texts: Sequence[str]) -> Float32Array:
        """Return the logits, (n, n_classes)."""
        return np.asarray(self.rule.logits(self.log_likelihoods(texts)), np.float32)

    @property
    def parameter_counts(self) -> dict[str, int]:
        """The probabilities and backoff weights of all models."""
        count = sum(model.n_parameters for model in self.models)
        return {"parameters": count, "trained_parameters": count}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the tables of the models, the vocabulary and the rule."""
        arrays = {
            f"{c}.{name}": value
            for c, model in enumerate(self.models)
            for name, value in model.state_dict().items()
        }
        return arrays, {"words": list(self.tokenizer.words), "rule": self.rule.to_dict()}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""
        self.tokenizer = WordTokenizer(tuple(metadata["words"]))
        self.rule = BayesRule.from_dict(metadata["rule"])
        self.models = []
        for c in range(self.n_classes):
            own = {k.removeprefix(f"{c}."): v for k, v in arrays.items() if k.startswith(f"{c}.")}
            self.models.append(KneserNeyLM.from_state_dict(own, self.tokenizer.vocab_size))


def _log_likelihoods(models: Sequence[KneserNeyLM], texts: Sequence[IntArray]) -> Float64Array:
    return np.array(
        [[float(row.sum()) for row in model.log_probabilities(texts)] for model in models]
    ).T


@dataclass(frozen=True)
class NgramFit:
    """The class models for the hyperparameters `chosen`, evaluated on validation texts.

    `log_likelihoods` (n, n_classes) are in nats; `rule`, calibrated on them, has log loss `loss`.
    """

    chosen: dict[str, Any]
    models: list[KneserNeyLM]
    log_likelihoods: Float64Array
    rule: BayesRule
    loss: float

    @classmethod
    def calibrate(
        cls,
        chosen: dict[str, Any],
        models: list[KneserNeyLM],
        log_likelihoods: Float64Array,
        labels: IntArray,
        prior: BayesRule,
    ) -> Self:
        """Calibrate the rule on the log-likelihoods of texts with `labels` (n,)."""
        rule = prior.calibrated(log_likelihoods, labels)
        p_true = rule.posterior(log_likelihoods)[np.arange(len(labels)), labels]
        loss = -float(np.log(np.maximum(p_true, 1e-12)).mean())
        return cls(chosen, models, log_likelihoods, rule, loss)
