"""TF-IDF features with logistic regression: the baseline of the film models."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer

from wholescript.errors import DataError
from wholescript.features.bundle import WordCounts
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.logistic_regression import NestedLogisticRegression
from wholescript.models.types import IntArray


@dataclass(kw_only=True)
class TfidfLR(NestedLogisticRegression):
    """Logistic regression on the TF-IDF weights of the words of a script.

    Term counts enter as 1 + log(count) and rows are scaled to length 1. The vocabulary (words of at
    least `min_df` films) and the inverse document frequencies are fitted on the training films.
    `quarters` selects quarters of each script; `opening` selects its first 4,000 characters
    instead.
    """

    model: ClassVar[str] = "TfidfLR"

    name: str = "tfidf-logistic"
    Cs: tuple[float, ...] = (3.0, 30.0)
    min_df: int = 5
    quarters: tuple[int, ...] = (0, 1, 2, 3)
    opening: bool = False

    def design_matrices(
        self, dataset: FilmDataset, train: IntArray, test: IntArray
    ) -> tuple[csr_matrix, csr_matrix]:
        """Return TF-IDF rows of the training and of the test films.

        Raises:
            DataError: no word occurs in `min_df` training films.
        """
        counts = self.counts(dataset.features.word_counts)
        x = counts[train]
        kept = np.flatnonzero(np.bincount(x.indices, minlength=x.shape[1]) >= self.min_df)
        if not len(kept):
            raise DataError(
                f"no word occurs in at least min_df={self.min_df} of the {len(train)} training "
                "films: lower min_df or give more films"
            )
        tfidf = TfidfTransformer(sublinear_tf=True)
        return tfidf.fit_transform(x[:, kept]), tfidf.transform(counts[test][:, kept])

    def counts(self, word_counts: WordCounts) -> csr_matrix:
        """Return the word counts (n, vocab_size) of the selected part of the scripts."""
        if self.opening:
            return word_counts.opening
        return reduce(add, (word_counts.quarters[q].astype(np.int32) for q in self.quarters))
