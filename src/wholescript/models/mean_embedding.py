"""The simplest aggregator: a logistic regression on the mean of a film's chunk embeddings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.models.logistic_regression import FloatArray, IntArray, NestedLogisticRegression
from wholescript.models.task import Task


@dataclass(kw_only=True)
class MeanPoolingLR(NestedLogisticRegression):
    """Logistic regression on the mean of a film's chunk embeddings.

    Means are centred on the training films and divided by one scale for all dimensions. The
    coordinates lie along principal axes: a scale for each would blow up the last ones, which hold
    little but rounding, and cost 0.02 of AUC.
    """

    name: str = "mean-pooling"
    Cs: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)

    def design_matrices(
        self, task: Task, train: IntArray, test: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the scaled means of the training and of the test films."""
        means = mean_chunk_embeddings(task.features.chunks)
        centred = means - means[train].mean(axis=0)
        # One chunk in common to all training films leaves nothing to scale by.
        scale = centred[train].std() or 1.0
        return centred[train] / scale, centred[test] / scale


def mean_chunk_embeddings(chunks: ChunkEmbeddings) -> NDArray[np.float64]:
    """Return the mean coordinates of each film's chunks, (n, d)."""
    # A sum a film is fifty times as fast as one `add.reduceat` over all of them.
    spans = zip(chunks.offsets[:-1], chunks.offsets[1:], strict=True)
    sums = np.stack([chunks.codes[start:end].sum(axis=0, dtype=np.int64) for start, end in spans])
    return np.asarray(sums * (chunks.rotation.step / chunks.counts[:, None]))
