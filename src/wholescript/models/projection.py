"""An aggregator of chunk vectors in their principal axes."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wholescript.features.compression import fit_pca_rotation
from wholescript.models.aggregators import AggregatorOutput


class ProjectedAggregator(nn.Module):
    """Centres and projects the chunk vectors on fixed axes, then aggregates them.

    The axes are those of `fit_axes`: until then all projections are zero. They are not trained.
    """

    mean: Tensor
    axes: Tensor

    def __init__(self, aggregator: nn.Module, d_input: int, dimensions: int) -> None:
        super().__init__()
        self.aggregator = aggregator
        self.register_buffer("mean", torch.zeros(d_input))
        self.register_buffer("axes", torch.zeros(d_input, dimensions))

    def fit_axes(self, vectors: NDArray[np.float32]) -> None:
        """Set the axes to the first principal ones of `vectors` (n, d_input).

        One factor scales all of them, so that the projections have a standard deviation of 1.
        """
        rotation = fit_pca_rotation(vectors.astype(np.float16))
        axes = rotation.axes[:, : self.axes.shape[1]]
        scale = float(((vectors - rotation.mean) @ axes).std()) or 1.0
        self.mean.copy_(torch.from_numpy(rotation.mean))
        self.axes.copy_(torch.from_numpy(axes / np.float32(scale)))

    def forward(
        self, chunks: Tensor, chunk_mask: Tensor, *extra_features: Tensor
    ) -> AggregatorOutput:
        """Aggregate a batch of films; see `aggregators`."""
        projected = (chunks - self.mean) @ self.axes
        return AggregatorOutput(*self.aggregator(projected, chunk_mask, *extra_features))
