"""Linear classifiers of counted words: naive Bayes, logistic regression, and one made of both.

Each is a vectorizer of scikit-learn and weights on its columns.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB

from wholescript.features.word_vocabulary import tokenize_words_and_punctuation
from wholescript.models.documents.base import Arrays, Metadata, SklearnClassifier
from wholescript.models.documents.linear import fit_vectorizer
from wholescript.models.sklearn_classifier import (
    FloatArray,
    GridPoint,
    IntArray,
    LinearDecisionFunction,
    LinearGridPoint,
    grid_search,
    macro_f1,
    to_two_columns,
)

Weighting = Literal["counts", "presence", "tfidf"]


@dataclass(kw_only=True)
class BagOfWordsClassifier(SklearnClassifier):
    """A classifier on runs of `words` words, of which those of fewer than `min_df` texts are left.

    `weighting` says what stands for a run in a text: how often it occurs, whether it does, or its
    TF-IDF weight, 1 + log(count) in a row of length 1.
    """

    words: tuple[int, int] = (1, 2)
    min_df: int = 2
    weighting: Weighting = "counts"
    vectorizer: CountVectorizer = field(init=False, repr=False)
    decision_fn: LinearDecisionFunction = field(init=False, repr=False)

    @abstractmethod
    def fit_decision_function(
        self, x: csr_matrix, labels: IntArray, x_val: csr_matrix, val_labels: IntArray, seed: int
    ) -> LinearDecisionFunction:
        """Fit on rows (n, runs), and note in `chosen` what the held-out rows decided."""

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
        self.vectorizer = self._build_vectorizer()
        x = fit_vectorizer(self.vectorizer, texts, self.min_df)
        x_val = self.vectorizer.transform(val_texts)
        self.decision_fn = self.fit_decision_function(x, labels, x_val, val_labels, seed)
        return self.decision_fn(x_val)

    def decision_function(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        return self.decision_fn(self.vectorizer.transform(texts))

    @property
    def parameters(self) -> dict[str, int]:
        """The weights of all classes."""
        return {"parameters": self.decision_fn.size, "trained_parameters": self.decision_fn.size}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return what was fitted."""
        arrays = self.decision_fn.state_dict()
        if self.weighting == "tfidf":
            arrays["idf"] = self.vectorizer.idf_
        return arrays, {"runs": self.vectorizer.get_feature_names_out().tolist()}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what was fitted."""
        self.decision_fn, self.vectorizer = (
            LinearDecisionFunction.from_state_dict(arrays),
            self._build_vectorizer(),
        )
        self.vectorizer.vocabulary = metadata["runs"]
        if self.weighting == "tfidf":
            self.vectorizer.idf_ = arrays["idf"]

    def _build_vectorizer(self) -> CountVectorizer:
        shared = {
            "ngram_range": self.words,
            "min_df": self.min_df,
            "dtype": np.float32,
            "tokenizer": tokenize_words_and_punctuation,
            "token_pattern": None,
            "lowercase": False,
        }
        if self.weighting == "tfidf":
            return TfidfVectorizer(sublinear_tf=True, **shared)
        return CountVectorizer(binary=self.weighting == "presence", **shared)


@dataclass(kw_only=True)
class NaiveBayes(BagOfWordsClassifier):
    """Multinomial naive Bayes, with the smoothing of `alphas` of best macro-F1 on validation."""

    name: ClassVar[str] = "naive-bayes"
    alphas: tuple[float, ...] = (0.1, 0.3, 1.0)

    def fit_decision_function(
        self, x: csr_matrix, labels: IntArray, x_val: csr_matrix, val_labels: IntArray, seed: int
    ) -> LinearDecisionFunction:
        """Fit: the weights are log-probabilities of runs, the bias those of the classes."""
        found = []
        for alpha in self.alphas:
            model = MultinomialNB(alpha=alpha).fit(x, labels)
            weights = np.ascontiguousarray(model.feature_log_prob_.T, np.float32)
            fitted = LinearDecisionFunction(weights, np.asarray(model.class_log_prior_, np.float32))
            found.append((macro_f1(fitted(x_val), val_labels), alpha, fitted))
        score, alpha, best = max(found, key=lambda one: one[0])
        self.chosen = {"alpha": alpha, "validation_macro_f1": score}
        return best


@dataclass(kw_only=True)
class BagOfWordsLR(BagOfWordsClassifier):
    """Logistic regression, with the C of `Cs` of best macro-F1 on validation."""

    name: ClassVar[str] = "tfidf-logistic"
    weighting: Weighting = "tfidf"
    Cs: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0)

    def fit_decision_function(
        self, x: csr_matrix, labels: IntArray, x_val: csr_matrix, val_labels: IntArray, seed: int
    ) -> LinearDecisionFunction:
        """Fit, and choose C."""
        grid: list[GridPoint] = [LinearGridPoint("logistic", C) for C in self.Cs]
        best = grid_search(grid, x, labels, x_val, val_labels, seed)
        self.chosen = best.best_params_
        assert isinstance(best.decision_fn, LinearDecisionFunction)
        return best.decision_fn


@dataclass(kw_only=True)
class NBSVM(BagOfWordsClassifier):
    """A linear SVM on the log-ratios of naive Bayes (Wang and Manning, 2012).

    Each run that a text has enters with the log of how much more likely it is in a class than in
    the others; one SVM a class reads these, and each of its weights is drawn, by 1 - beta, to the
    mean size of all. C and beta are those of best macro-F1 on validation.
    """

    name: ClassVar[str] = "nb-svm"
    words: tuple[int, int] = (1, 3)
    weighting: Weighting = "presence"
    alpha: float = 1.0
    betas: tuple[float, ...] = (0.25, 0.5, 1.0)
    Cs: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)

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
                settings = {"C": C, "beta": beta}
                found.append((macro_f1(fitted(x_val), val_labels), settings, fitted))
        score, settings, best = max(found, key=lambda one: one[0])
        self.chosen = {**settings, "validation_macro_f1": score}
        return best

    def _ovr_classes(self) -> Sequence[int]:
        """Return the classes that get an SVM: of two, the second tells both."""
        return range(1, 2) if self.classes == 2 else range(self.classes)

    def _fit_ovr(
        self, x: csr_matrix, is_class: NDArray[np.bool_], C: float, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return the log-ratio of each run, and weights and bias of the SVM that reads these."""
        p, q = (self.alpha + np.asarray(x[is_class == side].sum(0))[0] for side in (True, False))
        ratio = np.log(p / p.sum()) - np.log(q / q.sum())
        svm = LinearGridPoint("svm", C).estimator(seed)
        svm.fit(x.multiply(ratio).tocsr(), is_class)
        return ratio, svm.coef_[0], float(svm.intercept_[0])


def _interpolate_weights(weights: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    return (1 - beta) * np.abs(weights).mean() + beta * weights
