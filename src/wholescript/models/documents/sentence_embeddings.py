"""Classifiers on frozen sentence embeddings (all-MiniLM-L6-v2)."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from wholescript.features.sentence_embeddings import (
    SENTENCE_CACHE,
    SentenceEmbeddingConfig,
    count_encoder_parameters,
    embed_sentences,
)
from wholescript.models.documents.grid_search import (
    DecisionFunction,
    GridPoint,
    LinearDecisionFunction,
    LinearGridPoint,
    grid_search,
)
from wholescript.models.documents.sklearn_classifier import (
    NOT_IN_CONFIG,
    Arrays,
    Metadata,
    SklearnClassifier,
)
from wholescript.models.optional_settings import OMIT_AT_DEFAULT, ClassWeight
from wholescript.models.types import Float32Array, IntArray
from wholescript.settings import PositiveFloat


@dataclass(kw_only=True)
class SentenceEmbeddingClassifier(SklearnClassifier):
    """A classifier on frozen sentence embeddings; a subclass defines the grid.

    The embeddings of a set of texts are cached. If all texts are in `embedding_pool`, the pool is
    embedded instead, once for all its subsets, as in a learning curve.
    """

    settings: SentenceEmbeddingConfig = field(default_factory=SentenceEmbeddingConfig)
    embedding_pool: Sequence[str] = field(default=(), repr=False, metadata=NOT_IN_CONFIG)
    class_weight: ClassWeight = field(default=None, metadata=OMIT_AT_DEFAULT)
    """balanced: weight texts by the inverse frequency of their class."""
    cache: Path = field(default=SENTENCE_CACHE, repr=False, metadata=NOT_IN_CONFIG)
    progress: bool = field(default=False, repr=False, metadata=NOT_IN_CONFIG)
    grid_point: GridPoint = field(init=False, repr=False)
    decision_fn: DecisionFunction = field(init=False, repr=False)

    @abstractmethod
    def grid(self, n_texts: int) -> Sequence[GridPoint]:
        """Return the candidates for `n_texts` training texts, the simplest first."""

    def features(self, texts: Sequence[str]) -> Float32Array:
        """Return the input of `estimator`: the embeddings (n, 384) of the texts."""
        rows = {text: row for row, text in enumerate(self.embedding_pool)}
        pooled = all(text in rows for text in texts)
        vectors = embed_sentences(
            self.embedding_pool if pooled else texts,
            self.settings,
            cache=self.cache,
            progress=self.progress,
        )
        return vectors[[rows[text] for text in texts]] if pooled else vectors

    def estimator(self, seed: int) -> Any:
        """Return the chosen estimator, unfitted."""
        return self.grid_point.estimator(seed)

    def fit_uncalibrated(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Float32Array:
        """Fit, and return the logits of the validation texts, (n, n_classes)."""
        grid = self.grid(len(texts))
        x, x_val = self.features(texts), self.features(val_texts)
        weight = self.sample_weight(labels)
        best = grid_search(grid, x, labels, x_val, val_labels, seed, weight)
        self.grid_point, self.decision_fn = best.grid_point, best.decision_fn
        self.chosen = best.best_params_
        return best.decision_fn(x_val)

    def decision_function(self, texts: Sequence[str]) -> Float32Array:
        """Return the logits, (n, n_classes)."""
        return self.decision_fn(self.features(texts))

    @property
    def parameter_counts(self) -> dict[str, int]:
        """The frozen encoder and the decision function; only the latter is trained."""
        total = count_encoder_parameters(self.settings.n_layer) + self.decision_fn.n_parameters
        return {"parameters": total, "trained_parameters": self.decision_fn.n_parameters}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the decision function."""
        return self.decision_fn.state_dict(), {}


@dataclass(kw_only=True)
class SentenceLinear(SentenceEmbeddingClassifier):
    """Multinomial logistic regression or a one-vs-rest linear SVM on frozen sentence embeddings.

    The classifier and its C are those with the best macro-F1 on validation.
    """

    name: ClassVar[str] = "sentence-linear"
    model: ClassVar[str] = "SentenceLinear"
    logistic_Cs: tuple[PositiveFloat, ...] = (3.0, 10.0, 30.0, 100.0)
    """Values of C of logistic regressions; the best of all models on validation is kept."""
    svm_Cs: tuple[PositiveFloat, ...] = (1.0, 3.0)
    """Values of C of linear SVMs; the best of all models on validation is kept."""

    def grid(self, n_texts: int) -> Sequence[GridPoint]:
        """Return a candidate for each C."""
        regressions = [LinearGridPoint("logistic", C) for C in self.logistic_Cs]
        return [*regressions, *(LinearGridPoint("svm", C) for C in self.svm_Cs)]

    def chosen_grid(self) -> dict[str, Any]:
        """Return the chosen C of the chosen classifier."""
        C = (self.chosen["C"],)
        logistic = self.chosen["kind"] == "logistic"
        return {"logistic_Cs": C if logistic else (), "svm_Cs": () if logistic else C}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""
        self.decision_fn = LinearDecisionFunction.from_state_dict(arrays)
