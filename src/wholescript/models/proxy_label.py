"""An estimator that learns one label and is asked about another."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wholescript.errors import DataError
from wholescript.models.logistic_regression import IntArray
from wholescript.models.task import Estimator, FoldScores, Task


@dataclass
class ProxyLabel:
    """An estimator that learns the label in a column of the film table, whatever the task's is.

    Its probabilities are those of that label: they rank films for the task's, and only rank.
    """

    estimator: Estimator
    column: str
    name: str = "nomination-score"

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the estimator within, and the column."""
        return {"model": type(self).__name__, "of": self.estimator.config, "column": self.column}

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Fit with the other label; raise DataError where the film table lacks it."""
        if self.column not in task.films:
            raise DataError(f"The film table has no column {self.column!r} to learn from.")
        other = replace(task, labels=task.films[self.column].to_numpy(np.int8))
        return self.estimator.fit_predict(other, train, test, seed=seed)
