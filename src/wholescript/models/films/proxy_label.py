"""Training on a proxy label: an estimator is fitted on another label than it is evaluated on."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from wholescript.errors import DataError
from wholescript.models.films.estimator import EstimatorWrapper, FilmDataset
from wholescript.models.types import IntArray


@dataclass
class ProxyLabel(EstimatorWrapper):
    """An estimator fitted on the label in a column of the film table instead of `labels`.

    Its probabilities are those of the proxy label: for the label itself they are only a ranking.
    """

    label_column: str
    name: str = "nomination-proxy"

    model: ClassVar[str] = "ProxyLabel"

    @property
    def settings(self) -> dict[str, Any]:
        """The column of the label."""
        return {"label_column": self.label_column}

    def transform_dataset(self, dataset: FilmDataset, train: IntArray, seed: int) -> FilmDataset:
        """Replace the labels; raise DataError if the film table lacks the column."""
        if self.label_column not in dataset.films:
            raise DataError(f"the film table has no column {self.label_column!r}")
        return replace(dataset, labels=dataset.films[self.label_column].to_numpy(np.int8))
