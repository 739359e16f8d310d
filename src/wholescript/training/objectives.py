"""Ways to train on films of any length, in any memory: three, as one argument of the loop.

C, `whole`
: everything at once: the graph of every chunk is kept until the backward pass.
A, `recomputed`
: chunks in a loop under gradient checkpointing (Chen et al., 2016): a group's activations are
  dropped, and computed again when the backward pass comes to it.
A, `cached`
: gradient caching (Gao et al., 2021): all chunks are encoded without a graph, the aggregator gives
  the gradient of each vector, and one group after another is encoded again to pass it on. Where
  memory allows it, the last groups keep their graph and need not be encoded again.
B, `FrozenEncoderObjective`
: the encoder is frozen and its vectors are stored: only the aggregator is trained.

A and C encode the same groups of chunks, each under a seed of its own, so that they drop out the
same units and give the same gradients.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from wholescript.errors import ParameterError
from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.chunked import ChunkedClassifier
from wholescript.training.batches import BatchLoader, ChunkBatch, TokenBatch

LossFn = Callable[[Tensor, Tensor], Tensor]
MemoryStrategy = Literal["whole", "recomputed", "cached"]
MEMORY_STRATEGIES: tuple[MemoryStrategy, ...] = ("whole", "recomputed", "cached")


class Objective(Protocol):
    """How a model reads a batch, and how the gradient of the loss is had."""

    def backward(self, model: Any, batch: Any, loss: LossFn, *, seed: int) -> Tensor:
        """Add the gradient of the loss to the parameters; return the loss, detached.

        `seed` alone decides what is dropped.
        """

    def validation_step(self, model: Any, batches: Any, loss: LossFn) -> dict[str, float]:
        """Return the columns of the history that held-out films decide, `val_loss` first."""


@dataclass(frozen=True)
class FrozenEncoderObjective:
    """B: an aggregator reads stored chunk vectors, a share of which is hidden in training."""

    chunk_dropout: float = 0.0

    def backward(self, model: nn.Module, batch: ChunkBatch, loss: LossFn, *, seed: int) -> Tensor:
        """Read the vectors that are not hidden and pass the loss back."""
        torch.manual_seed(seed)
        mask = drop_chunks(batch.chunk_mask, self.chunk_dropout)
        value = loss(model(batch.chunks, mask, *batch.extra_features).logits, batch.labels)
        value.backward()
        return value.detach()

    def logits(self, model: nn.Module, batch: ChunkBatch) -> Tensor:
        """Read all vectors."""
        logits: Tensor = model(batch.chunks, batch.chunk_mask, *batch.extra_features).logits
        return logits

    def validation_step(
        self, model: nn.Module, batches: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return the loss and the AUC."""
        return _validate(model, batches, loss, self)


@dataclass(frozen=True)
class EndToEndObjective:
    """A and C: encoder and aggregator are trained together, `group` chunks encoded at once.

    With `bfloat16` matrices are multiplied in half precision; weights and gradients stay float32.
    A `cached` step holds the graphs of the last `kept` groups, however long the film is.
    """

    way: MemoryStrategy = "cached"
    group: int = 32
    bfloat16: bool = False
    kept: int = 0

    def __post_init__(self) -> None:
        """Refuse what could not be done."""
        if self.way not in MEMORY_STRATEGIES:
            raise ParameterError(f"way={self.way!r} is none of {', '.join(MEMORY_STRATEGIES)}")
        if self.group < 1:
            raise ParameterError(f"group={self.group} chunks: at least one must be encoded at once")
        if self.kept < 0:
            raise ParameterError(f"kept={self.kept} groups: none is 0")

    def backward(
        self, model: ChunkedClassifier, batch: TokenBatch, loss: LossFn, *, seed: int
    ) -> Tensor:
        """Encode all chunks, aggregate, and pass the loss back through both."""
        groups = list(enumerate(_chunk_groups(batch, self.group)))
        reencoded_groups = groups[: max(len(groups) - self.kept, 0)] if self.way == "cached" else []
        with torch.no_grad():
            parts = [self._encode(model, *group, [seed, i]) for i, group in reencoded_groups]
        for part in parts:
            part.requires_grad_()
        graph_groups = groups[len(reencoded_groups) :]
        vectors = torch.cat(
            parts + [self._encode_with_graph(model, *group, [seed, i]) for i, group in graph_groups]
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            reading = self._aggregate(model, vectors, batch)
        value = loss(reading.logits, batch.labels)
        value.backward()
        for (i, group), part in zip(reencoded_groups, parts, strict=True):
            encoded = self._encode(model, *group, [seed, i])
            # A frozen encoder has nothing to pass its gradient on to.
            if encoded.requires_grad:
                encoded.backward(part.grad)
        return value.detach()

    def logits(self, model: ChunkedClassifier, batch: TokenBatch) -> Tensor:
        """Encode group by group, then aggregate."""
        with torch.no_grad():
            groups = enumerate(_chunk_groups(batch, self.group))
            vectors = torch.cat([self._encode(model, *group, [0, i]) for i, group in groups])
            return self._aggregate(model, vectors, batch).logits

    def validation_step(
        self, model: ChunkedClassifier, batches: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return the loss and the AUC."""
        return _validate(model, batches, loss, self)

    def _encode_with_graph(self, model: ChunkedClassifier, *group: Any) -> Tensor:
        """Encode one group with a graph, which holds no activations where they are recomputed."""
        if self.way != "recomputed":
            return self._encode(model, *group)
        encoded: Tensor = checkpoint(
            self._encode, model, *group, use_reentrant=False, preserve_rng_state=False
        )
        return encoded

    def _encode(
        self, model: ChunkedClassifier, ids: Tensor, mask: Tensor, seeds: list[int]
    ) -> Tensor:
        """Encode one group under its own seed: again and again, the same units drop out."""
        with torch.random.fork_rng(), self._autocast(ids.device):
            torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
            encoded: Tensor = model.encoder(ids, mask)
        return encoded.float()

    def _aggregate(
        self, model: ChunkedClassifier, vectors: Tensor, batch: TokenBatch
    ) -> AggregatorOutput:
        with self._autocast(vectors.device):
            return model.read(vectors, batch.counts, *batch.extra_features)

    def _autocast(self, device: torch.device) -> torch.autocast:
        # Entered anew for every group: autocast would hand weights that it cast without a graph to
        # the pass that needs one.
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16)


def _chunk_groups(batch: TokenBatch, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield token ids and attention masks of `size` chunks at a time."""
    yield from zip(batch.input_ids.split(size), batch.attention_mask.split(size), strict=True)


@torch.inference_mode()
def predict_logits(
    model: Any, batches: BatchLoader, way: FrozenEncoderObjective | EndToEndObjective | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return logits, labels and row numbers, (n,) each, in the order of the batches."""
    way = way or FrozenEncoderObjective()
    device = next(model.parameters()).device
    model.eval()
    logits, labels, rows = [], [], []
    for batch in batches.eval_batches():
        logits.append(way.logits(model, batch.to(device)).float().cpu().numpy())
        labels.append(batch.labels.numpy())
        rows.append(batch.rows)
    return np.concatenate(logits), np.concatenate(labels), np.concatenate(rows)


def drop_chunks(chunk_mask: Tensor, share: float) -> Tensor:
    """Hide a random `share` of each film's chunks, but never all: (batch, length) bool.

    A film seen with other gaps in every epoch is harder to learn by heart.
    """
    if share == 0:
        return chunk_mask
    draw = torch.rand(chunk_mask.shape, device=chunk_mask.device)
    highest = draw.masked_fill(~chunk_mask, -1.0).argmax(1, keepdim=True)
    kept = chunk_mask & (draw >= share)
    return kept.scatter(1, highest, True)


def _validate(
    model: nn.Module,
    batches: BatchLoader,
    loss: LossFn,
    way: FrozenEncoderObjective | EndToEndObjective,
) -> dict[str, float]:
    logits, labels, _ = predict_logits(model, batches, way)
    val_loss = float(loss(torch.from_numpy(logits), torch.from_numpy(labels)))
    auc = float(roc_auc_score(labels, logits)) if np.isfinite(logits).all() else np.nan
    return {"held_out_loss": val_loss, "held_out_auc": auc}
