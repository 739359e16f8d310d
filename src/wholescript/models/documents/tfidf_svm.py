"""A linear SVM on TF-IDF weights of word and character n-grams."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from wholescript.errors import DataError
from wholescript.models.documents.classical_classifier import (
    Arrays,
    ClassicalDocumentClassifier,
    Metadata,
)
from wholescript.models.documents.grid_search import (
    DecisionFunction,
    GridPoint,
    LinearDecisionFunction,
    LinearGridPoint,
    grid_search,
)
from wholescript.models.optional_settings import OMIT_AT_DEFAULT, ClassWeight
from wholescript.models.types import Float32Array, IntArray
from wholescript.settings import Grid, NgramRange, PositiveInt


def fit_vectorizer(vectorizer: Any, texts: Sequence[str], min_df: int) -> Any:
    """Fit a vectorizer and return the features of the texts, (n, n-grams), csr.

    Raises:
        DataError: no n-gram occurs in `min_df` texts.
    """
    try:
        return vectorizer.fit_transform(texts)
    except ValueError as problem:
        raise DataError(
            f"no n-gram occurs in min_df={min_df} of the {len(texts)} training texts ({problem}): "
            "lower min_df, or give texts that contain words"
        ) from None


@dataclass(kw_only=True)
class TfidfSVM(ClassicalDocumentClassifier):
    """A one-vs-rest linear SVM on TF-IDF weights of word and character n-grams.

    Counts enter as 1 + log(count), and word and character features are each scaled to length 1.
    N-grams of fewer than `min_df` training texts are dropped. With the analyzer `char_wb`,
    character n-grams stay within words. `class_weight` weights texts by the inverse frequency of
    their class. C is that of `Cs` with the best macro-F1 on validation.
    """

    name: ClassVar[str] = "tfidf-svm"
    model: ClassVar[str] = "TfidfSVM"
    word_ngrams: NgramRange = (1, 2)
    """Minimum and maximum n of the word n-grams."""
    char_ngrams: NgramRange = (2, 5)
    """Minimum and maximum n of the character n-grams."""
    analyzer: Literal["char", "char_wb"] = "char_wb"
    """char_wb: character n-grams stay within words; char: they cross them."""
    min_df: PositiveInt = 1
    """Drop n-grams of fewer than n training texts."""
    Cs: Grid = (0.1, 0.3, 1.0, 3.0)
    """Values of C, the inverse of the L2 penalty; the best on validation is kept."""
    class_weight: ClassWeight = field(default=None, metadata=OMIT_AT_DEFAULT)
    """balanced: weight the loss of a text by the inverse frequency of its class."""
    feature_union: FeatureUnion = field(init=False, repr=False)
    grid_point: GridPoint = field(init=False, repr=False)
    decision_fn: DecisionFunction = field(init=False, repr=False)

    def build_vectorizer(self) -> FeatureUnion:
        """Return the unfitted vectorizer, from texts to TF-IDF rows (csr, float32)."""
        params = {"sublinear_tf": True, "min_df": self.min_df, "dtype": np.float32}
        words = TfidfVectorizer(ngram_range=self.word_ngrams, **params)
        characters = TfidfVectorizer(analyzer=self.analyzer, ngram_range=self.char_ngrams, **params)
        return FeatureUnion([("words", words), ("characters", characters)])

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
        self.feature_union = self.build_vectorizer()
        x = fit_vectorizer(self.feature_union, texts, self.min_df)
        x_val = self.feature_union.transform(val_texts)
        grid = [LinearGridPoint("svm", C) for C in self.Cs]
        weight = self.sample_weight(labels)
        best = grid_search(grid, x, labels, x_val, val_labels, seed, weight)
        self.grid_point, self.decision_fn = best.grid_point, best.decision_fn
        self.chosen = best.best_params_
        return best.decision_fn(x_val)

    def chosen_grid(self) -> dict[str, Any]:
        """Return the chosen C."""
        return {"Cs": (self.chosen["C"],)}

    def decision_function(self, texts: Sequence[str]) -> Float32Array:
        """Return the logits, (n, n_classes)."""
        return self.decision_fn(self.feature_union.transform(texts))

    def features(self, texts: Sequence[str]) -> NDArray[np.object_]:
        """Return the input of `estimator`: the texts as an array (n,)."""
        return np.array(texts, dtype=object)

    def estimator(self, seed: int) -> Pipeline:
        """Return the chosen estimator, unfitted, including the vectorizer."""
        return make_pipeline(self.build_vectorizer(), self.grid_point.estimator(seed))

    @property
    def parameter_counts(self) -> dict[str, int]:
        """The weights and biases of all classes, and one inverse document frequency per n-gram."""
        n_features = sum(len(v.idf_) for _, v in self.feature_union.transformer_list)
        count = self.decision_fn.n_parameters + n_features
        return {"parameters": count, "trained_parameters": count}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the decision function and the vocabulary."""
        arrays, ngrams = self.decision_fn.state_dict(), {}
        for kind, vectorizer in self.feature_union.transformer_list:
            arrays[f"idf_{kind}"] = vectorizer.idf_
            ngrams[kind] = vectorizer.get_feature_names_out().tolist()
        return arrays, {"ngrams": ngrams}

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""
        self.decision_fn = LinearDecisionFunction.from_state_dict(arrays)
        self.feature_union = self.build_vectorizer()
        for kind, vectorizer in self.feature_union.transformer_list:
            vectorizer.vocabulary = metadata["ngrams"][kind]
            vectorizer.idf_ = arrays[f"idf_{kind}"]
