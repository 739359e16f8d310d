"""TF-IDF with logistic regression: the baseline to respect."""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer

from wholescript.errors import DataError
from wholescript.features.bundle import WordCounts
from wholescript.models.logistic_regression import IntArray, NestedLogisticRegression
from wholescript.models.task import Task


@dataclass(kw_only=True)
class TfidfLR(NestedLogisticRegression):
    """Logistic regression on the TF-IDF weights of a script's words.

    Term counts enter as 1 + log(count), rows are scaled to length 1, and both the vocabulary
    (words of at least `min_df` films) and the inverse document frequencies are those of the
    training films. `quarters` restricts the reading to some quarters of each script; `opening`
    reads the first 4,000 characters instead.
    """

    name: str = "tfidf"
    Cs: tuple[float, ...] = (3.0, 30.0)
    min_df: int = 5
    quarters: tuple[int, ...] = (0, 1, 2, 3)
    opening: bool = False

    def design_matrices(
        self, task: Task, train: IntArray, test: IntArray
    ) -> tuple[csr_matrix, csr_matrix]:
        """Return TF-IDF rows of the training and of the test films.

        Raises DataError when no word stands in `min_df` training films.
        """
        counts = self.counts(task.features.words)
        x = counts[train]
        kept = np.flatnonzero(np.bincount(x.indices, minlength=x.shape[1]) >= self.min_df)
        if not len(kept):
            raise DataError(
                f"No word stands in at least min_df={self.min_df} of the {len(train)} training "
                "films: lower min_df or give more films."
            )
        tfidf = TfidfTransformer(sublinear_tf=True)
        return tfidf.fit_transform(x[:, kept]), tfidf.transform(counts[test][:, kept])

    def counts(self, words: WordCounts) -> csr_matrix:
        """Return the word counts (n, V) of the part of the scripts that is read."""
        if self.opening:
            return words.opening
        return reduce(add, (words.quarters[q].astype(np.int32) for q in self.quarters))
