"""Classifiers of texts for which no network is trained: on n-grams, and on frozen sentences.

They are what a network has to beat, and cost seconds. Each learns on the training texts, chooses
its strength on the validation texts by macro-F1, and gets its probabilities from one temperature
that is fitted there too. The validation texts are never trained on: all contestants learn from the
same texts.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from wholescript.errors import DataError
from wholescript.features.sentence_embeddings import (
    CACHE,
    SentenceEmbeddingConfig,
    count_encoder_parameters,
    embed_sentences,
)
from wholescript.models.documents.base import NOT_IN_CONFIG, Arrays, Metadata, SklearnClassifier
from wholescript.models.sklearn_classifier import (
    DecisionFunction,
    FloatArray,
    GridPoint,
    IntArray,
    LinearDecisionFunction,
    LinearGridPoint,
    grid_search,
)


def fit_vectorizer(vectorizer: Any, texts: Sequence[str], min_df: int) -> Any:
    """Fit what turns texts into rows of counts or weights, and return the rows (n, runs), csr.

    Raises:
        DataError: no run of words stands in `min_df` texts.
    """
    try:
        return vectorizer.fit_transform(texts)
    except ValueError as problem:
        raise DataError(
            f"the {len(texts)} training texts have no words to count ({problem}): lower "
            f"min_df={min_df}, or give texts of words."
        ) from None


@dataclass(kw_only=True)
class TfidfSVM(SklearnClassifier):
    """A linear SVM, each class against the rest, on TF-IDF weights of words and of characters.

    Runs of `words` words and of `characters` characters (within words, where the `analyzer` is
    char_wb) enter as 1 + log(count), each kind scaled to length 1; those of fewer than `min_df`
    training texts are left out. C is the one of `Cs` with the best macro-F1 on validation.
    """

    name: ClassVar[str] = "tfidf-svm"
    words: tuple[int, int] = (1, 2)
    characters: tuple[int, int] = (2, 5)
    analyzer: Literal["char", "char_wb"] = "char_wb"
    min_df: int = 1
    Cs: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    ngrams: FeatureUnion = field(init=False, repr=False)
    grid_point: GridPoint = field(init=False, repr=False)
    decision_fn: DecisionFunction = field(init=False, repr=False)

    def build_vectorizer(self) -> FeatureUnion:
        """Return what turns texts into rows of TF-IDF weights (csr, float32)."""
        shared = {"sublinear_tf": True, "min_df": self.min_df, "dtype": np.float32}
        words = TfidfVectorizer(ngram_range=self.words, **shared)
        characters = TfidfVectorizer(analyzer=self.analyzer, ngram_range=self.characters, **shared)
        return FeatureUnion([("words", words), ("characters", characters)])

    def fit_scores(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes).

        Raises:
            DataError: no run of words stands in `min_df` texts.
        """
        self.ngrams = self.build_vectorizer()
        x = fit_vectorizer(self.ngrams, texts, self.min_df)
        x_val = self.ngrams.transform(val_texts)
        grid = [LinearGridPoint("svm", C) for C in self.Cs]
        best = grid_search(grid, x, labels, x_val, val_labels, seed)
        self.grid_point, self.decision_fn, self.chosen = (
            best.grid_point,
            best.decision_fn,
            best.best_params_,
        )
        return best.decision_fn(x_val)

    def decision_function(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        return self.decision_fn(self.ngrams.transform(texts))

    def inputs(self, texts: Sequence[str]) -> NDArray[np.object_]:
        """Return the texts as rows that `estimator` reads."""
        return np.array(texts, dtype=object)

    def estimator(self, seed: int) -> Pipeline:
        """Return what was chosen, unfitted, n-grams and all."""
        return make_pipeline(self.build_vectorizer(), self.grid_point.estimator(seed))

    @property
    def parameters(self) -> dict[str, int]:
        """The weights of all classes, and an inverse document frequency a run."""
        count = self.decision_fn.size + sum(len(v.idf_) for _, v in self.ngrams.transformer_list)
        return {"parameters": count, "trained_parameters": count}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return what was fitted."""
        arrays, runs = self.decision_fn.state_dict(), {}
        for kind, vectorizer in self.ngrams.transformer_list:
            arrays[f"idf_{kind}"] = vectorizer.idf_
            runs[kind] = vectorizer.get_feature_names_out().tolist()
        return arrays, {"ngrams": runs}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what was fitted."""
        self.decision_fn, self.ngrams = (
            LinearDecisionFunction.from_state_dict(arrays),
            self.build_vectorizer(),
        )
        for kind, vectorizer in self.ngrams.transformer_list:
            vectorizer.vocabulary = metadata["ngrams"][kind]
            vectorizer.idf_ = arrays[f"idf_{kind}"]


@dataclass(kw_only=True)
class SentenceEmbeddingClassifier(SklearnClassifier):
    """A classifier on frozen sentence embeddings, of which a subclass names the candidates.

    Texts are embedded as one set; where all are among `embedding_pool` they are taken from that set instead,
    which spares learning curves the embedding.
    """

    settings: SentenceEmbeddingConfig = field(default_factory=SentenceEmbeddingConfig)
    embedding_pool: Sequence[str] = field(default=(), repr=False, metadata=NOT_IN_CONFIG)
    cache: Path = field(default=CACHE, repr=False, metadata=NOT_IN_CONFIG)
    progress: bool = field(default=False, repr=False, metadata=NOT_IN_CONFIG)
    grid_point: GridPoint = field(init=False, repr=False)
    decision_fn: DecisionFunction = field(init=False, repr=False)

    @abstractmethod
    def grid(self, texts: int) -> Sequence[GridPoint]:
        """Return what is to be tried on so many training texts, the simplest first."""

    def inputs(self, texts: Sequence[str]) -> FloatArray:
        """Return the embeddings (n, 384) of the texts, from the cache where they are there."""
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
        """Return what was chosen, unfitted; it reads embeddings."""
        return self.grid_point.estimator(seed)

    def fit_scores(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes)."""
        grid = self.grid(len(texts))
        x, x_val = self.inputs(texts), self.inputs(val_texts)
        best = grid_search(grid, x, labels, x_val, val_labels, seed)
        self.grid_point, self.decision_fn, self.chosen = (
            best.grid_point,
            best.decision_fn,
            best.best_params_,
        )
        return best.decision_fn(x_val)

    def decision_function(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        return self.decision_fn(self.inputs(texts))

    @property
    def parameters(self) -> dict[str, int]:
        """The frozen encoder and what was learnt on it, of which only this is trained."""
        total = count_encoder_parameters(self.settings.n_layer) + self.decision_fn.size
        return {"parameters": total, "trained_parameters": self.decision_fn.size}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return what was fitted."""
        return self.decision_fn.state_dict(), {}


@dataclass(kw_only=True)
class SentenceLinear(SentenceEmbeddingClassifier):
    """A linear classifier on frozen sentence embeddings.

    It is the multinomial logistic regression or the SVM, each class against the rest, with the C
    that has the best macro-F1 on validation.
    """

    name: ClassVar[str] = "sentence-linear"
    logistic_Cs: tuple[float, ...] = (3.0, 10.0, 30.0, 100.0)
    svm_Cs: tuple[float, ...] = (1.0, 3.0)

    def grid(self, texts: int) -> Sequence[GridPoint]:
        """Return a candidate for each C."""
        regressions = [LinearGridPoint("logistic", C) for C in self.logistic_Cs]
        return [*regressions, *(LinearGridPoint("svm", C) for C in self.svm_Cs)]

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what was fitted."""
        self.decision_fn = LinearDecisionFunction.from_state_dict(arrays)
