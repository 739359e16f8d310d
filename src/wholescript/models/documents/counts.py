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

from wholescript.features.word_vocabulary import words_and_marks
from wholescript.models.documents.base import Arrays, Note, ShallowTextModel
from wholescript.models.documents.linear import fit_counts
from wholescript.models.sklearn_classifier import (
    Candidate,
    FloatArray,
    IntArray,
    LinearCandidate,
    LinearMap,
    as_columns,
    choose,
    macro_f1,
)

Weighting = Literal["counts", "presence", "tfidf"]


@dataclass(kw_only=True)
class CountModel(ShallowTextModel):
    """A classifier on runs of `words` words, of which those of fewer than `min_df` texts are left.

    `weighting` says what stands for a run in a text: how often it occurs, whether it does, or its
    TF-IDF weight, 1 + log(count) in a row of length 1.
    """

    words: tuple[int, int] = (1, 2)
    min_df: int = 2
    weighting: Weighting = "counts"
    vectorizer: CountVectorizer = field(init=False, repr=False)
    map: LinearMap = field(init=False, repr=False)

    @abstractmethod
    def map_of(
        self, x: csr_matrix, labels: IntArray, x_held: csr_matrix, held_labels: IntArray, seed: int
    ) -> LinearMap:
        """Fit on rows (n, runs), and note in `chosen` what the held-out rows decided."""

    def learn(
        self,
        texts: Sequence[str],
        labels: IntArray,
        held_texts: Sequence[str],
        held_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes).

        Raises:
            DataError: no run of words stands in `min_df` texts.
        """
        self.vectorizer = self._unfitted()
        x = fit_counts(self.vectorizer, texts, self.min_df)
        x_held = self.vectorizer.transform(held_texts)
        self.map = self.map_of(x, labels, x_held, held_labels, seed)
        return self.map(x_held)

    def decide(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        return self.map(self.vectorizer.transform(texts))

    @property
    def parameters(self) -> dict[str, int]:
        """The weights of all classes."""
        return {"parameters": self.map.size, "trained_parameters": self.map.size}

    def state(self) -> tuple[Arrays, Note]:
        """Return what was fitted."""
        arrays = self.map.state()
        if self.weighting == "tfidf":
            arrays["idf"] = self.vectorizer.idf_
        return arrays, {"runs": self.vectorizer.get_feature_names_out().tolist()}

    def restore(self, arrays: Arrays, note: Note) -> None:
        """Take back what was fitted."""
        self.map, self.vectorizer = LinearMap.restored(arrays), self._unfitted()
        self.vectorizer.vocabulary = note["runs"]
        if self.weighting == "tfidf":
            self.vectorizer.idf_ = arrays["idf"]

    def _unfitted(self) -> CountVectorizer:
        shared = {
            "ngram_range": self.words,
            "min_df": self.min_df,
            "dtype": np.float32,
            "tokenizer": words_and_marks,
            "token_pattern": None,
            "lowercase": False,
        }
        if self.weighting == "tfidf":
            return TfidfVectorizer(sublinear_tf=True, **shared)
        return CountVectorizer(binary=self.weighting == "presence", **shared)


@dataclass(kw_only=True)
class NaiveBayes(CountModel):
    """Multinomial naive Bayes, with the smoothing of `alphas` of best macro-F1 on validation."""

    name: ClassVar[str] = "naive-bayes"
    alphas: tuple[float, ...] = (0.1, 0.3, 1.0)

    def map_of(
        self, x: csr_matrix, labels: IntArray, x_held: csr_matrix, held_labels: IntArray, seed: int
    ) -> LinearMap:
        """Fit: the weights are log-probabilities of runs, the bias those of the classes."""
        found = []
        for alpha in self.alphas:
            model = MultinomialNB(alpha=alpha).fit(x, labels)
            weights = np.ascontiguousarray(model.feature_log_prob_.T, np.float32)
            fitted = LinearMap(weights, np.asarray(model.class_log_prior_, np.float32))
            found.append((macro_f1(fitted(x_held), held_labels), alpha, fitted))
        score, alpha, best = max(found, key=lambda one: one[0])
        self.chosen = {"alpha": alpha, "validation_macro_f1": score}
        return best


@dataclass(kw_only=True)
class CountLogistic(CountModel):
    """Logistic regression, with the C of `Cs` of best macro-F1 on validation."""

    name: ClassVar[str] = "tfidf-logistic"
    weighting: Weighting = "tfidf"
    Cs: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0)

    def map_of(
        self, x: csr_matrix, labels: IntArray, x_held: csr_matrix, held_labels: IntArray, seed: int
    ) -> LinearMap:
        """Fit, and choose C."""
        candidates: list[Candidate] = [LinearCandidate("logistic", C) for C in self.Cs]
        best = choose(candidates, x, labels, x_held, held_labels, seed)
        self.chosen = best.summary
        assert isinstance(best.map, LinearMap)
        return best.map


@dataclass(kw_only=True)
class NBSVM(CountModel):
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

    def map_of(
        self, x: csr_matrix, labels: IntArray, x_held: csr_matrix, held_labels: IntArray, seed: int
    ) -> LinearMap:
        """Fit, and choose C and beta."""
        found = []
        for strength in self.Cs:
            fits = [self._fit(x, labels == c, strength, seed) for c in self._told_apart()]
            for beta in self.betas:
                columns = [ratio * _drawn(weights, beta) for ratio, weights, _ in fits]
                fitted = LinearMap(
                    np.ascontiguousarray(as_columns(np.stack(columns, axis=1)), np.float32),
                    as_columns(np.array([[bias for *_, bias in fits]]))[0].astype(np.float32),
                )
                settings = {"C": strength, "beta": beta}
                found.append((macro_f1(fitted(x_held), held_labels), settings, fitted))
        score, settings, best = max(found, key=lambda one: one[0])
        self.chosen = {**settings, "validation_macro_f1": score}
        return best

    def _told_apart(self) -> Sequence[int]:
        """Return the classes that get an SVM: of two, the second tells both."""
        return range(1, 2) if self.classes == 2 else range(self.classes)

    def _fit(
        self, x: csr_matrix, of_class: NDArray[np.bool_], strength: float, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return the log-ratio of each run, and weights and bias of the SVM that reads these."""
        p, q = (self.alpha + np.asarray(x[of_class == side].sum(0))[0] for side in (True, False))
        ratio = np.log(p / p.sum()) - np.log(q / q.sum())
        svm = LinearCandidate("svm", strength).estimator(seed)
        svm.fit(x.multiply(ratio).tocsr(), of_class)
        return ratio, svm.coef_[0], float(svm.intercept_[0])


def _drawn(weights: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    return (1 - beta) * np.abs(weights).mean() + beta * weights
