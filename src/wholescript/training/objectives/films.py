"""Objectives of chunked films.

`FrozenEncoderObjective` trains an aggregator on stored chunk vectors, `EndToEndObjective` trains
encoder and aggregator together under one of the strategies of `memory_strategies`.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.chunked_classifier import ChunkedClassifier
from wholescript.settings import NonNegativeInt, PositiveInt, check_fields
from wholescript.training.batches import BatchLoader, ChunkBatch, TokenBatch
from wholescript.training.memory_strategies import MemoryStrategy, backward_fn
from wholescript.training.objectives.base import LogitObjective, LossFn, predict_logits
from wholescript.training.seeds import derive_seed


@dataclass(frozen=True)
class FrozenEncoderObjective:
    """Train an aggregator on stored chunk vectors, a share of which is dropped in each step."""

    chunk_dropout: float = 0.0

    def training_step(
        self, model: nn.Module, batch: ChunkBatch, loss: LossFn, *, seed: int
    ) -> Tensor:
        """Aggregate the chunks that are not dropped and backpropagate the loss."""
        torch.manual_seed(seed)
        mask = drop_chunks(batch.chunk_mask, self.chunk_dropout)
        value = loss(model(batch.chunks, mask, *batch.extra_features).logits, batch.labels)
        value.backward()
        return value.detach()

    def logits(self, model: nn.Module, batch: ChunkBatch) -> Tensor:
        """Aggregate all chunks."""
        logits: Tensor = model(batch.chunks, batch.chunk_mask, *batch.extra_features).logits
        return logits

    def validation_step(
        self, model: nn.Module, loader: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return `val_loss` and `val_auc`."""
        return _validate(model, loader, loss, self)


@dataclass(frozen=True)
class EndToEndObjective:
    """Train encoder and aggregator together, `chunks_per_group` chunks encoded at once.

    `memory_strategy` and `n_cached_groups` are explained in `memory_strategies`; they change memory
    and time, not the gradient. With `bfloat16`, matrices are multiplied in half precision; weights
    and gradients stay float32.
    """

    memory_strategy: MemoryStrategy = "grad_cache"
    chunks_per_group: PositiveInt = 32
    bfloat16: bool = False
    n_cached_groups: NonNegativeInt = 0

    def __post_init__(self) -> None:
        """Check the settings; raises ParameterError."""
        check_fields(self)

    def training_step(
        self, model: ChunkedClassifier, batch: TokenBatch, loss: LossFn, *, seed: int
    ) -> Tensor:
        """Encode all chunks, aggregate them, and backpropagate through both."""

        def loss_fn(vectors: Tensor) -> Tensor:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                output = self._aggregate(model, vectors, batch)
            return loss(output.logits, batch.labels)

        backward = backward_fn(self.memory_strategy, self.n_cached_groups)
        return backward(partial(self._encode, model), self._groups(batch, seed), loss_fn)

    def logits(self, model: ChunkedClassifier, batch: TokenBatch) -> Tensor:
        """Encode group by group, then aggregate."""
        with torch.no_grad():
            vectors = torch.cat([self._encode(model, *g) for g in self._groups(batch, 0)])
            return self._aggregate(model, vectors, batch).logits

    def validation_step(
        self, model: ChunkedClassifier, loader: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return `val_loss` and `val_auc`."""
        return _validate(model, loader, loss, self)

    def _groups(self, batch: TokenBatch, seed: int) -> list[tuple[Tensor, Tensor, int]]:
        """Return token ids, attention mask and a seed of each group of chunks."""
        ids, masks = (
            part.split(self.chunks_per_group) for part in (batch.input_ids, batch.attention_mask)
        )
        seeds = (derive_seed(seed, number) for number in range(len(ids)))
        return list(zip(ids, masks, seeds, strict=True))

    def _encode(self, model: ChunkedClassifier, ids: Tensor, mask: Tensor, seed: int) -> Tensor:
        """Encode one group; the same seed drops out the same units."""
        with torch.random.fork_rng(), self._autocast(ids.device):
            torch.manual_seed(seed)
            encoded: Tensor = model.encoder(ids, mask)
        return encoded.float()

    def _aggregate(
        self, model: ChunkedClassifier, vectors: Tensor, batch: TokenBatch
    ) -> AggregatorOutput:
        with self._autocast(vectors.device):
            return model.aggregate(vectors, batch.n_chunks, *batch.extra_features)

    def _autocast(self, device: torch.device) -> torch.autocast:
        # A context for each group: autocast caches casts of the weights, and a cast that was made
        # without a graph must not be used in a pass that needs one.
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16)


def drop_chunks(chunk_mask: Tensor, share: float) -> Tensor:
    """Drop a random `share` of each film's chunks, but never all: (batch, length) bool.

    A form of data augmentation: a film has other gaps in every epoch.
    """
    if share == 0:
        return chunk_mask
    draw = torch.rand(chunk_mask.shape, device=chunk_mask.device)
    highest = draw.masked_fill(~chunk_mask, -1.0).argmax(1, keepdim=True)
    kept_mask = chunk_mask & (draw >= share)
    return kept_mask.scatter(1, highest, True)


def _validate(
    model: nn.Module, loader: BatchLoader, loss: LossFn, objective: LogitObjective
) -> dict[str, float]:
    logits, labels, _ = predict_logits(model, loader, objective)
    val_loss = float(loss(torch.from_numpy(logits), torch.from_numpy(labels)))
    auc = float(roc_auc_score(labels, logits)) if np.isfinite(logits).all() else np.nan
    return {"val_loss": val_loss, "val_auc": auc}
