"""Controls: what can be predicted without reading, and what a model finds where nothing is."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from wholescript.errors import DataError
from wholescript.models.logistic_regression import IntArray, Matrix, NestedLogisticRegression
from wholescript.models.task import Estimator, FoldScores, Task
from wholescript.models.tfidf import TfidfLR


@dataclass(kw_only=True)
class MetadataLR(NestedLogisticRegression):
    """Logistic regression on columns of the film table alone.

    `numeric` columns enter as quadratic splines over the quantiles of the training films (constant
    outside their range), so that a bump in the middle decades can be seen; `categorical` ones as
    one column a value, unknown values as none; `text` ones as TF-IDF of their words.
    """

    Cs: tuple[float, ...] = (0.1, 1.0, 10.0)
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    def design_matrices(self, task: Task, train: IntArray, test: IntArray) -> tuple[Matrix, Matrix]:
        """Return the encoded columns of the training and of the test films.

        Raises DataError when the film table lacks a column.
        """
        wanted = (*self.numeric, *self.categorical, *self.text)
        if missing := sorted(set(wanted) - set(task.films.columns)):
            raise DataError(
                f"The film table has no column {missing}, which the control {self.name!r} reads; "
                f"it has {sorted(task.films.columns)}."
            )
        splines = SplineTransformer(4, 2, knots="quantile", extrapolation="constant")
        encode = ColumnTransformer(
            [
                ("numeric", splines, list(self.numeric)),
                ("categorical", OneHotEncoder(handle_unknown="ignore"), list(self.categorical)),
                *((f"text_{c}", TfidfVectorizer(sublinear_tf=True), c) for c in self.text),
            ],
            sparse_threshold=0,
        )
        return encode.fit_transform(task.films.iloc[train]), encode.transform(task.films.iloc[test])


@dataclass
class ShuffledLabels:
    """An estimator that learns on shuffled labels: whatever it scores above chance is leakage."""

    estimator: Estimator
    name: str = "shuffled-labels"

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the estimator within, marked as shuffled."""
        return {"model": type(self).__name__, "estimator": self.estimator.config}

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Fit with the labels of `train` permuted among themselves."""
        labels = task.labels.copy()
        labels[train] = np.random.default_rng(seed).permutation(labels[train])
        return self.estimator.fit_predict(replace(task, labels=labels), train, test, seed=seed)


def controls() -> list[Estimator]:
    """Return the controls of the report: length, year, source, title, opening, shuffled labels."""
    return [
        MetadataLR(name="length", numeric=("n_words",)),
        MetadataLR(name="year", numeric=("year",)),
        MetadataLR(name="source", categorical=("source",)),
        MetadataLR(name="title", text=("title",)),
        TfidfLR(name="opening", opening=True),
        ShuffledLabels(TfidfLR()),
    ]
