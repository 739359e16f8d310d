"""Late fusion: what is known of a film beside its chunks, added to the logit of an aggregator."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import KernelPCA
from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.features.layout import STRUCTURE_NAMES
from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.controls import MetadataLR
from wholescript.models.dropout import Dropout
from wholescript.models.logistic_regression import IntArray
from wholescript.models.task import Task
from wholescript.models.tfidf import TfidfLR

N_SPLINE_COLUMNS = 5  # columns that a number becomes
N_WORD_COMPONENTS = 128  # of the words: most of what a linear model of some hundred films can use
EXTRA_FEATURE_DIMS = {
    "year": N_SPLINE_COLUMNS,
    "length": N_SPLINE_COLUMNS,
    "structure": len(STRUCTURE_NAMES),
    "words": N_WORD_COMPONENTS,
}
"""The inputs there are, and how many numbers each gives."""


class LateFusion(nn.Module):
    """An aggregator, and a linear layer on `inputs` numbers a film: their logits are added."""

    def __init__(
        self, aggregator: nn.Module, inputs: int, n_outputs: int = 1, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.aggregator = aggregator
        self.extra_features = nn.Sequential(
            Dropout(dropout), nn.Linear(inputs, n_outputs, bias=False)
        )

    def forward(
        self, chunks: Tensor, chunk_mask: Tensor, extra_features: Tensor
    ) -> AggregatorOutput:
        """Read a batch of films; `extra_features` is (batch, inputs)."""
        logits, attention = self.aggregator(chunks, chunk_mask)
        return AggregatorOutput(logits + self.extra_features(extra_features).squeeze(-1), attention)


def with_late_fusion(aggregator: nn.Module, inputs: Sequence[str], n_outputs: int = 1) -> nn.Module:
    """Return the aggregator with those inputs, or as it is where there are none.

    Raises:
        ParameterError: an input is none of `EXTRA_FEATURE_DIMS`.
    """
    if unknown := [name for name in inputs if name not in EXTRA_FEATURE_DIMS]:
        raise ParameterError(f"input {unknown[0]!r} is none of {', '.join(EXTRA_FEATURE_DIMS)}")
    if not inputs:
        return aggregator
    return LateFusion(aggregator, sum(EXTRA_FEATURE_DIMS[name] for name in inputs), n_outputs)


def extract_extra_features(
    task: Task, train: IntArray, inputs: Sequence[str]
) -> NDArray[np.float32]:
    """Return the numbers of all n films, (n, sum of the widths), fitted on the films `train`.

    Year and length are splines, scene structure is standardised. TF-IDF weights of words are
    projected on their first principal components and divided by one scale: as they are, the last
    components would weigh as much as the first. Where there are fewer, zeros fill up.
    """
    everything = np.arange(len(task.labels))
    columns = {"year": "year", "length": "n_words"}
    parts = []
    for name in inputs:
        if name in columns:
            column = MetadataLR(name=name, numeric=(columns[name],))
            parts.append(_standardize(np.asarray(column.inputs(task, train, everything)[1]), train))
        elif name == "structure":
            parts.append(_standardize(task.features.structure.astype(np.float64), train))
        else:
            parts.append(_word_components(task, train, everything))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _word_components(task: Task, train: IntArray, rows: IntArray) -> NDArray[np.float64]:
    x, x_all = TfidfLR(min_df=min(TfidfLR.min_df, len(train))).inputs(task, train, rows)
    count = min(N_WORD_COMPONENTS, len(train) - 1)
    projection = KernelPCA(count, eigen_solver="dense")
    # Dense, since a product of dense matrices is a few times as fast here.
    scale = projection.fit_transform(x.astype(np.float32).toarray()).std() or 1.0
    found = np.zeros((len(rows), N_WORD_COMPONENTS))
    projected = projection.transform(x_all.astype(np.float32).toarray())
    found[:, : projected.shape[1]] = projected / scale
    return found


def _standardize(values: NDArray[np.float64], train: IntArray) -> NDArray[np.float64]:
    spread = values[train].std(axis=0)
    return np.asarray((values - values[train].mean(axis=0)) / np.where(spread > 0, spread, 1.0))
