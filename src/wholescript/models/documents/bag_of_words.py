"""Linear classifiers on word n-grams: naive Bayes, logistic regression and NB-SVM."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB

from wholescript.features.tokenizers import tokenize_words_and_punctuation
from wholescript.models.documents.classical_classifier import (
    Arrays,
    ClassicalDocumentClassifier,
    Metadata,
)
from wholescript.models.documents.grid_search import (
    GridPoint,
    LinearDecisionFunction,
    LinearGridPoint,
    grid_search,
    macro_f1,
    to_two_columns,
)
from wholescript.models.documents.tfidf_svm import fit_vectorizer
from wholescript.models.optional_settings import OMIT_AT_DEFAULT, ClassWeight
from wholescript.models.types import Float32Array, Float64Array, IntArray
from wholescript.settings import Grid, NgramRange, PositiveFloat, PositiveInt

Weighting = Literal["counts", "presence", "tfidf"]


@dataclass(kw_only=True)
class BagOfWordsClassifier(ClassicalDocumentClassifier):
    """A linear classifier on the word n-grams that occur in at least `min_df` training texts.

    `ngram_range` is the minimum and maximum n. `weighting` is the value of an n-gram in a text: its
    count, its presence (0 or 1), or TF-IDF with 1 + log(count) and rows of length 1. `class_weight`
    weights texts by the inverse frequency of their class.
    """

    ngram_range: NgramRange = (1, 2)
    """Minimum and maximum n of the word n-grams."""
    min_df: PositiveInt = 2
    """Drop n-grams of fewer than n training texts."""
    weighting: Weighting = "counts"
    """Value of an n-gram in a text: its count, its presence (0 or 1), or TF-IDF."""
    class_weight: ClassWeight = field(default=None, metadata=OMIT_AT_DEFAULT)
    """balanced: weight the loss of a text by the inverse frequency of its class."""
    vectorizer: CountVectorizer = field(init=False, repr=False)
    decision_fn: LinearDecisionFunction = field(init=False, repr=False)

    @abstractmethod
    def fit_decision_function(
        self, x: csr_matrix, labels: IntArray, x_val: csr_matrix, val_labels: IntArray, seed: int
    ) -> LinearDecisionFunction:
        """Fit on rows (n, n-grams); set `chosen` by the macro-F1 on the validation rows."""

    def fit_uncalibrated(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Float32Array:
        """Fit, and return the logits of the validation texts, (n, n_classes).

        Raises:
            DataError: no n-gram occurs in `min_df` texts.
        """
        self.vectorizer = self._build_vectorizer()
        x = fit_vectorizer(self.vectorizer, texts, self.min_df)
        x_val = self.vectorizer.transform(val_texts)
        self.decision_fn = self.fit_decision_function(x, labels, x_val, val_labels, seed)
        return self.decision_fn(x_val)

    def decision_function(self, texts: Sequence[str]) -> Float32Array:
        """Return the logits, (n, n_classes)."""
        return self.decision_fn(self.vectorizer.transform(texts))

    @property
    def parameter_counts(self) -> dict[str, int]:
        """The weights and biases of all classes."""
        return {
            "parameters": self.decision_fn.n_parameters,
            "trained_parameters": self.decision_fn.n_parameters,
        }

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the decision function and the vocabulary."""
        arrays = self.decision_fn.state_dict()
        if self.weighting == "tfidf":
            arrays["idf"] = self.vectorizer.idf_
        return arrays, {"ngrams": self.vectorizer.get_feature_names_out().tolist()}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""
        self.decision_fn = LinearDecisionFunction.from_state_dict(arrays)
        self.vectorizer = self._build_vectorizer()
        self.vectorizer.vocabulary = metadata["ngrams"]
        if self.weighting == "tfidf":
            self.vectorizer.idf_ = arrays["idf"]

    def _build_vectorizer(self) -> CountVectorizer:
        params = {
            "ngram_range": self.ngram_range,
            "min_df": self.min_df,
            "dtype": np.float32,
            "tokenizer": tokenize_words_and_punctuation,
            "token_pattern": None,
            "lowercase": False,
        }
        if self.weighting == "tfidf":
            return TfidfVectorizer(sublinear_tf=True, **params)
        return CountVectorizer(binary=self.weighting == "presence", **params)


@dataclass(kw_only=True)
class NaiveBayes(BagOfWordsClassifier):
    """Multinomial naive Bayes; the smoothing is that of `alphas` with the best macro-F1."""

    name: ClassVar[str] = "naive-bayes"
    model: ClassVar[str] = "NaiveBayes"
    alphas: Grid = (0.1, 0.3, 1.0)
    """Values of additive smoothing; the best on validation is kept."""

    def fit_decision_function(
        self, x: csr_matrix, labels: IntArray, x_val: csr_matrix, val_labels: IntArray, seed: int
    ) -> LinearDecisionFunction:
        """Fit: weights are log-probabilities of n-grams, biases are log-priors of classes."""
        found = []
        for alpha in self.alphas:
            model = MultinomialNB(alpha=alpha).fit(x, labels, self.sample_weight(labels))
            weights = np.ascontiguousarray(model.feature_log_prob_.T, np.float32)
            fitted = LinearDecisionFunction(weights, np.asarray(model.class_log_prior_, np.float32))
            found.append((macro_f1(fitted(x_val), val_labels), alpha, fitted))
        score, alpha, best = max(found, key=lambda one: one[0])
        self.chosen = {"alpha": alpha, "validation_macro_f1": score}
        return best

    def chosen_grid(self) -> dict[str, Any]:
        """Return the chosen smoothing."""
        return {"alphas": (self.chosen["alpha"],)}


@dataclass(kw_only=True)
class BagOfWordsLR(BagOfWordsClassifier):
    """Multinomial logistic regression; C is that of `Cs` with the best macro-F1 on validation."""

    name: ClassVar[str] = "tfidf-logistic"
    model: ClassVar[str] = "BagOfWordsLR"
    weighting: Weighting = "tfidf"
    Cs: Grid = (1.0, 3.0, 10.0, 30.0)
    """Values of C, the inverse of the L2 penalty; the best on validation is kept."""

    def fit_decision_function(
        self, x: csr_matrix, labels: IntArray, x_val: csr_matrix, val_labels: IntArray, seed: int
    ) -> LinearDecisionFunction:
        """Fit, and choose C."""
        grid: list[GridPoint] = [LinearGridPoint("logistic", C) for C in self.Cs]
        weight = self.sample_weight(labels)
        best = grid_search(grid, x, labels, x_val, val_labels, seed, weight)
        self.chosen = best.best_params_
        assert isinstance(best.decision_fn, LinearDecisionFunction)
        return best.decision_fn

    def chosen_grid(self) -> dict[str, Any]:
        """Return the chosen C."""
        return {"Cs": (self.chosen["C"],)}


@dataclass(kw_only=True)
class NBSVM(BagOfWordsClassifier):
    """A linear SVM on n-grams scaled by naive Bayes log-count ratios (Wang and Manning, 2012).

    There is one SVM per class against the rest (one in all for two classes). Its weights w are
    interpolated with their mean magnitude: (1 - beta) mean|w| + beta w. C and beta are those with
    the best macro-F1 on validation.
    """

    name: ClassVar[str] = "nb-svm"
    model: ClassVar[str] = "NBSVM"
    ngram_range: NgramRange = (1, 3)
    """Minimum and maximum n of the word n-grams."""
    weighting: Weighting = "presence"
    """Value of an n-gram in a text: its count, its presence (0 or 1), or TF-IDF."""
    alpha: PositiveFloat = 1.0
    """Additive smoothing of the naive Bayes ratios."""
    betas: Grid = (0.25, 0.5, 1.0)
    """Shares of the SVM's weights in the interpolation with their mean; the best is kept."""
    Cs: Grid = (0.03, 0.1, 0.3, 1.0)
    """Values of C, the inverse of the L2 penalty; the best on validation is kept."""

    def fit_decision_function(
        self, x: csr_matrix, labels: IntArray, x_val: csr_matrix, val_labels: IntArray, seed: int
    ) -> LinearDecisionFunction:
        """Fit, and choose C and beta."""
        found = []
        for C in self.Cs:
            fits = [self._fit_ovr(x, labels == c, C, seed) for c in self._ovr_classes()]
            for beta in self.betas:
                columns = [
                    ratio * _interpolate_weights(weights, beta) for ratio, weights, _ in fits
                ]
                fitted = LinearDecisionFunction(
                    np.ascontiguousarray(to_two_columns(np.stack(columns, axis=1)), np.float32),
                    to_two_columns(np.array([[bias for *_, bias in fits]]))[0].astype(np.float32),
                )
                params = {"C": C, "beta": beta}
                found.append((macro_f1(fitted(x_val), val_labels), params, fitted))
        score, params, best = max(found, key=lambda one: one[0])
        self.chosen = {**params, "validation_macro_f1": score}
        return best

    def chosen_grid(self) -> dict[str, Any]:
        """Return the chosen C and beta."""
        return {"Cs": (self.chosen["C"],), "betas": (self.chosen["beta"],)}

    def _ovr_classes(self) -> Sequence[int]:
        """Return the classes that have an SVM: of two classes, only the second."""
        return range(1, 2) if self.n_classes == 2 else range(self.n_classes)

    def _fit_ovr(
        self, x: csr_matrix, is_class: NDArray[np.bool_], C: float, seed: int
    ) -> tuple[Float64Array, Float64Array, float]:
        """Return the log-count ratio of each n-gram, and the weights and bias of the SVM."""
        p, q = (self.alpha + np.asarray(x[is_class == side].sum(0))[0] for side in (True, False))
        ratio = np.log(p / p.sum()) - np.log(q / q.sum())
        svm = LinearGridPoint("svm", C).estimator(seed)
        weight = self.sample_weight(is_class.astype(np.int64))
        svm.fit(x.multiply(ratio).tocsr(), is_class, sample_weight=weight)
        return ratio, svm.coef_[0], float(svm.intercept_[0])


def _interpolate_weights(weights: Float64Array, beta: float) -> Float64Array:
    return (1 - beta) * np.abs(weights).mean() + beta * weights
