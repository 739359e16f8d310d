"""Film features for late fusion: year, length, scene layout, and components of TF-IDF weights."""

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import KernelPCA
from torch import nn

from wholescript.errors import ParameterError
from wholescript.features.layout import LAYOUT_NAMES
from wholescript.models.films.controls import MetadataLR
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.tfidf import TfidfLR
from wholescript.models.late_fusion import LateFusion
from wholescript.models.types import Float32Array, Float64Array, IntArray

N_SPLINE_COLUMNS = 5  # spline features per number
N_TFIDF_COMPONENTS = 128  # most of what a linear model can use with some hundred films
EXTRA_FEATURE_DIMS = {
    "year": N_SPLINE_COLUMNS,
    "length": N_SPLINE_COLUMNS,
    "layout": len(LAYOUT_NAMES),
    "tfidf": N_TFIDF_COMPONENTS,
}
"""The available feature groups and their number of columns."""


def with_late_fusion(
    aggregator: nn.Module, feature_names: Sequence[str], n_outputs: int = 1
) -> nn.Module:
    """Return the aggregator with late fusion of these feature groups; unchanged if there are none.

    Raises:
        ParameterError: a name is not in `EXTRA_FEATURE_DIMS`.
    """
    if unknown := [name for name in feature_names if name not in EXTRA_FEATURE_DIMS]:
        raise ParameterError(
            f"unknown extra feature {unknown[0]!r}: choose among {', '.join(EXTRA_FEATURE_DIMS)}"
        )
    if not feature_names:
        return aggregator
    return LateFusion(aggregator, sum(EXTRA_FEATURE_DIMS[n] for n in feature_names), n_outputs)


def extract_extra_features(
    dataset: FilmDataset, train: IntArray, feature_names: Sequence[str]
) -> Float32Array:
    """Return the features of all n films, (n, sum of the dimensions), fitted on the films `train`.

    Year and length are splines; layout counts are standardized. TF-IDF weights are projected on
    their first principal components and divided by one common scale, so that the last components
    do not weigh as much as the first. If there are fewer components, zeros fill up.
    """
    rows = np.arange(len(dataset.labels))
    columns = {"year": "year", "length": "n_words"}
    parts = []
    for name in feature_names:
        if name in columns:
            splines = MetadataLR(name=name, numeric=(columns[name],))
            x = splines.design_matrices(dataset, train, rows)[1]
            parts.append(_standardize(np.asarray(x), train))
        elif name == "layout":
            parts.append(_standardize(dataset.features.layout.astype(np.float64), train))
        else:
            parts.append(_tfidf_components(dataset, train, rows))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _tfidf_components(dataset: FilmDataset, train: IntArray, rows: IntArray) -> Float64Array:
    tfidf = TfidfLR(min_df=min(TfidfLR.min_df, len(train)))
    x, x_all = tfidf.design_matrices(dataset, train, rows)
    count = min(N_TFIDF_COMPONENTS, len(train) - 1)
    projection = KernelPCA(count, eigen_solver="dense")
    # Dense: the dense matrix product is a few times faster here.
    scale = projection.fit_transform(x.astype(np.float32).toarray()).std() or 1.0
    found = np.zeros((len(rows), N_TFIDF_COMPONENTS))
    projected = projection.transform(x_all.astype(np.float32).toarray())
    found[:, : projected.shape[1]] = projected / scale
    return found


def _standardize(values: Float64Array, train: IntArray) -> Float64Array:
    std = values[train].std(axis=0)
    return np.asarray((values - values[train].mean(axis=0)) / np.where(std > 0, std, 1.0))
