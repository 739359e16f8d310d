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
B, `OnVectors`
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
from wholescript.models.aggregators import Reading
from wholescript.models.chunked import ChunkedClassifier
from wholescript.training.batches import Batch, Batches, TokenBatch

Loss = Callable[[Tensor, Tensor], Tensor]
End = Literal["whole", "recomputed", "cached"]
ENDS: tuple[End, ...] = ("whole", "recomputed", "cached")


class Way(Protocol):
    """How a model reads a batch, and how the gradient of the loss is had."""

    def backward(self, model: Any, batch: Any, loss: Loss, *, seed: int) -> Tensor:
        """Add the gradient of the loss to the parameters; return the loss, detached.

        `seed` alone decides what is dropped.
        """

    def judge(self, model: Any, batches: Any, loss: Loss) -> dict[str, float]:
        """Return the columns of the history that held-out films decide, `held_out_loss` first."""


@dataclass(frozen=True)
class OnVectors:
    """B: an aggregator reads stored chunk vectors, a share of which is hidden in training."""

    chunk_dropout: float = 0.0

    def backward(self, model: nn.Module, batch: Batch, loss: Loss, *, seed: int) -> Tensor:
        """Read the vectors that are not hidden and pass the loss back."""
        torch.manual_seed(seed)
        mask = drop_chunks(batch.chunk_mask, self.chunk_dropout)
        value = loss(model(batch.chunks, mask, *batch.beside).logits, batch.labels)
        value.backward()
        return value.detach()

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Read all vectors."""
        logits: Tensor = model(batch.chunks, batch.chunk_mask, *batch.beside).logits
        return logits

    def judge(self, model: nn.Module, batches: Batches, loss: Loss) -> dict[str, float]:
        """Return the loss and the AUC."""
        return _judge(model, batches, loss, self)


@dataclass(frozen=True)
class OnTokens:
    """A and C: encoder and aggregator are trained together, `group` chunks encoded at once.

    With `bfloat16` matrices are multiplied in half precision; weights and gradients stay float32.
    A `cached` step holds the graphs of the last `kept` groups, however long the film is.
    """

    way: End = "cached"
    group: int = 32
    bfloat16: bool = False
    kept: int = 0

    def __post_init__(self) -> None:
        """Refuse what could not be done."""
        if self.way not in ENDS:
            raise ParameterError(f"way={self.way!r} is none of {', '.join(ENDS)}")
        if self.group < 1:
            raise ParameterError(f"group={self.group} chunks: at least one must be encoded at once")
        if self.kept < 0:
            raise ParameterError(f"kept={self.kept} groups: none is 0")

    def backward(
        self, model: ChunkedClassifier, batch: TokenBatch, loss: Loss, *, seed: int
    ) -> Tensor:
        """Encode all chunks, aggregate, and pass the loss back through both."""
        groups = list(enumerate(_groups(batch, self.group)))
        twice = groups[: max(len(groups) - self.kept, 0)] if self.way == "cached" else []
        with torch.no_grad():
            parts = [self._encode(model, *group, [seed, i]) for i, group in twice]
        for part in parts:
            part.requires_grad_()
        once = groups[len(twice) :]
        vectors = torch.cat(
            parts + [self._encode_once(model, *group, [seed, i]) for i, group in once]
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            reading = self._read(model, vectors, batch)
        value = loss(reading.logits, batch.labels)
        value.backward()
        for (i, group), part in zip(twice, parts, strict=True):
            encoded = self._encode(model, *group, [seed, i])
            # A frozen encoder has nothing to pass its gradient on to.
            if encoded.requires_grad:
                encoded.backward(part.grad)
        return value.detach()

    def logits(self, model: ChunkedClassifier, batch: TokenBatch) -> Tensor:
        """Encode group by group, then aggregate."""
        with torch.no_grad():
            groups = enumerate(_groups(batch, self.group))
            vectors = torch.cat([self._encode(model, *group, [0, i]) for i, group in groups])
            return self._read(model, vectors, batch).logits

    def judge(self, model: ChunkedClassifier, batches: Batches, loss: Loss) -> dict[str, float]:
        """Return the loss and the AUC."""
        return _judge(model, batches, loss, self)

    def _encode_once(self, model: ChunkedClassifier, *group: Any) -> Tensor:
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
        with torch.random.fork_rng(), self._precision(ids.device):
            torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
            encoded: Tensor = model.encoder(ids, mask)
        return encoded.float()

    def _read(self, model: ChunkedClassifier, vectors: Tensor, batch: TokenBatch) -> Reading:
        with self._precision(vectors.device):
            return model.read(vectors, batch.counts, *batch.beside)

    def _precision(self, device: torch.device) -> torch.autocast:
        # Entered anew for every group: autocast would hand weights that it cast without a graph to
        # the pass that needs one.
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16)


def _groups(batch: TokenBatch, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield token ids and attention masks of `size` chunks at a time."""
    yield from zip(batch.input_ids.split(size), batch.attention_mask.split(size), strict=True)


@torch.inference_mode()
def predict(
    model: Any, batches: Batches, way: OnVectors | OnTokens | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return logits, labels and row numbers, (n,) each, in the order of the batches."""
    way = way or OnVectors()
    device = next(model.parameters()).device
    model.eval()
    logits, labels, rows = [], [], []
    for batch in batches.by_length():
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


def _judge(
    model: nn.Module, batches: Batches, loss: Loss, way: OnVectors | OnTokens
) -> dict[str, float]:
    logits, labels, _ = predict(model, batches, way)
    held_out_loss = float(loss(torch.from_numpy(logits), torch.from_numpy(labels)))
    auc = float(roc_auc_score(labels, logits)) if np.isfinite(logits).all() else np.nan
    return {"held_out_loss": held_out_loss, "held_out_auc": auc}
