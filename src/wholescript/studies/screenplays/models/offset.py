"""An aggregator of chunk embeddings that starts from the logits of another model of films."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.films.estimator import Estimator, FilmDataset, FoldPredictions
from wholescript.models.films.logistic_regression import logit
from wholescript.models.types import IntArray
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.batches import ChunkBatchLoader

OFFSET_COLUMN = "offset"
"""Column of the table of films with the logit that a network starts from."""


class WithOffset(nn.Module):
    """An aggregator whose logit is added to a given one, (batch, 1); at first it adds nothing."""

    def __init__(self, aggregator: nn.Module) -> None:
        super().__init__()
        self.aggregator = aggregator
        *_, output = (module for module in aggregator.modules() if isinstance(module, nn.Linear))
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)

    def forward(self, chunks: Tensor, chunk_mask: Tensor, offset: Tensor) -> AggregatorOutput:
        """Return the summed logits and the attention of the aggregator."""
        logits, attention = self.aggregator(chunks, chunk_mask)
        return AggregatorOutput(logits + offset.squeeze(-1), attention)


@dataclass
class OffsetMILClassifier(MILClassifier):
    """An aggregator whose logit is added to that of `baseline`, a fitted model of films.

    The network starts from the predictions of the baseline: its own logits are zero before the
    first step. Training films have the out-of-fold logits of the baseline, which
    its fit to their own labels does not inflate.
    """

    baseline: Estimator = field(kw_only=True)

    model: ClassVar[str] = "OffsetMILClassifier"

    @property
    def name(self) -> str:
        """The architecture and the baseline, as part of run names."""
        return f"{super().name}-on-{self.baseline.name}"

    @property
    def config(self) -> dict[str, Any]:
        """All fields; of the baseline its own configuration."""
        return {"model": self.model, **asdict(self), "baseline": self.baseline.config}

    def build(self) -> nn.Module:
        """Return an untrained network; its weights depend on torch's random state."""
        return WithOffset(super().build())

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Fit the baseline, then a network on each of the inner folds of `train`."""
        fitted = self.baseline.fit_predict(dataset, train, test, seed=seed)
        offset = np.zeros(len(dataset.labels), np.float32)
        offset[train], offset[test] = logit(fitted.inner), logit(fitted.test)
        films = dataset.films.assign(**{OFFSET_COLUMN: offset})
        return super().fit_predict(replace(dataset, films=films), train, test, seed=seed)

    def loaders(
        self, dataset: FilmDataset, train: IntArray, *subsets: IntArray
    ) -> list[ChunkBatchLoader]:
        """Return a loader of each subset, with the offsets as extra features."""
        offset = dataset.films[[OFFSET_COLUMN]].to_numpy(np.float32)
        return [
            replace(loader, extra_features=offset)
            for loader in super().loaders(dataset, train, *subsets)
        ]
