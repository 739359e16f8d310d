"""Control models: prediction from metadata alone, and from shuffled labels."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from wholescript.errors import DataError
from wholescript.models.films.estimator import Estimator, EstimatorWrapper, FilmDataset
from wholescript.models.films.logistic_regression import Matrix, NestedLogisticRegression
from wholescript.models.films.tfidf import TfidfLR
from wholescript.models.types import IntArray


@dataclass(kw_only=True)
class MetadataLR(NestedLogisticRegression):
    """Logistic regression on columns of the film table.

    `numeric` columns enter as quadratic splines over the quantiles of the training films, constant
    outside their range, so that effects need not be monotonic. `categorical` columns are one-hot
    encoded, with zeros for unknown values; `text` columns enter as TF-IDF weights of their words.
    """

    model: ClassVar[str] = "MetadataLR"

    Cs: tuple[float, ...] = (0.1, 1.0, 10.0)
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    def design_matrices(
        self, dataset: FilmDataset, train: IntArray, test: IntArray
    ) -> tuple[Matrix, Matrix]:
        """Return the encoded columns of the training and of the test films.

        Raises:
            DataError: the film table lacks a column.
        """
        columns = (*self.numeric, *self.categorical, *self.text)
        if missing := sorted(set(columns) - set(dataset.films.columns)):
            raise DataError(
                f"the film table has no columns {missing}, which {self.name!r} needs; it has "
                f"{sorted(dataset.films.columns)}"
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
        return encode.fit_transform(dataset.films.iloc[train]), encode.transform(
            dataset.films.iloc[test]
        )


@dataclass
class ShuffledLabels(EstimatorWrapper):
    """An estimator fitted on shuffled labels: an AUROC above chance indicates leakage."""

    name: str = "shuffled-labels"

    model: ClassVar[str] = "ShuffledLabels"

    def transform_dataset(self, dataset: FilmDataset, train: IntArray, seed: int) -> FilmDataset:
        """Permute the labels of the training films."""
        labels = dataset.labels.copy()
        labels[train] = np.random.default_rng(seed).permutation(labels[train])
        return replace(dataset, labels=labels)


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
