"""Logistic regression on precomputed embeddings, one vector a film."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wholescript.errors import DataError
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.logistic_regression import NestedLogisticRegression
from wholescript.models.types import Float64Array, IntArray


@dataclass(kw_only=True)
class EmbeddingLR(NestedLogisticRegression):
    """Logistic regression on the vectors that the films were given.

    Vectors are centred on the training films, and each block, such as the embedding of one field,
    is divided by one scale for all its dimensions: blocks weigh the same, dimensions keep their
    proportions.
    """

    model: ClassVar[str] = "EmbeddingLR"

    name: str = "embeddings"
    Cs: tuple[float, ...] = (0.0001, 0.001, 0.01, 0.1, 1.0)

    def design_matrices(
        self, dataset: FilmDataset, train: IntArray, test: IntArray
    ) -> tuple[Float64Array, Float64Array]:
        """Return the scaled vectors of the training and of the test films.

        Raises:
            DataError: the films have no vectors.
        """
        vectors = dataset.features.vectors
        if vectors is None:
            raise DataError(
                f"{self.name!r} needs precomputed embeddings, which these films do not have: load "
                "them with a file or a column of embeddings"
            )
        centred = vectors.values.astype(np.float64)
        centred -= centred[train].mean(axis=0)
        for block in np.split(centred, np.cumsum(vectors.widths)[:-1], axis=1):
            # The spread is zero if all training films have the same vector. A block is a view.
            block /= block[train].std() or 1.0
        return centred[train], centred[test]
