"""Attention against occlusion: does a network need the chunks that it looks at?

Of a fold's test films one network of an aggregator tells what it attends to, and how its logit
moves when chunks are hidden. Attention that explained the score would rank a film's chunks as their
removal does (Jain and Wallace, 2019).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wholescript.data.films.folds import Fold, inner_folds
from wholescript.evaluation.crossval import fold_seed
from wholescript.evaluation.occlusion import spearman_per_row
from wholescript.models.task import Task
from wholescript.studies.screenplays.models.aggregation import MILClassifier
from wholescript.training.batches import ChunkBatch, ChunkBatchLoader
from wholescript.training.loop import fit


@dataclass(frozen=True)
class OcclusionResult:
    """What a network says of n films.

    `rows` (n,) are those of the corpus and `logits` (n,) of whole films; `logit_changes` (n, parts) is the
    logit less that without a part of the script. `attention` and `chunk_logit_changes` hold a vector a film,
    (n_chunks,): the attention to each chunk, and the logit less that without the chunk.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float64]
    logit_changes: NDArray[np.float64]
    attention: list[NDArray[np.float64]]
    chunk_logit_changes: list[NDArray[np.float64]]

    def rank_correlation(self) -> NDArray[np.float64]:
        """Return Spearman's correlation of attention and the size of the removal, (n,).

        A film of equal weights has none: NaN.
        """
        sizes = map(np.abs, self.chunk_logit_changes)
        return spearman_per_row(zip(self.attention, sizes, strict=True))

    def top_attended_ratio(self, share: float = 0.1) -> NDArray[np.float64]:
        """Return how far the most attended `share` of a film's chunks moves its logit, (n,).

        Relative to its mean chunk: 1 is what chunks drawn at random would do.
        """
        found = []
        for weight, move in zip(self.attention, self.chunk_logit_changes, strict=True):
            most = np.argsort(-weight, kind="stable")[: max(1, round(share * len(weight)))]
            mean = np.abs(move).mean()
            found.append(np.abs(move[most]).mean() / mean if mean else 1.0)
        return np.array(found)


def train_fold_network(
    model: MILClassifier, task: Task, fold: Fold, *, seed: int
) -> tuple[nn.Module, ChunkBatchLoader]:
    """Train the first of the networks whose mean scores a fold; return it and the test films."""
    seed = fold_seed(seed, fold)
    inner = inner_folds(
        task.labels, task.groups, fold.train, n_folds=model.n_inner_folds, seed=seed
    )[0]
    torch.manual_seed(seed)
    network = model.build()
    parts = (inner.train, inner.test, fold.test)
    training, val_loader, tested = model.batches(task, inner.train, *parts)
    fit(network, training, val_loader, model.training, seed=seed)
    return network.eval(), tested


@torch.inference_mode()
def occlude_network(network: nn.Module, films: ChunkBatchLoader, parts: int) -> OcclusionResult:
    """Ask a trained network about films: whole, without each part, without each chunk."""
    rows, logits, logit_changes = [], [], []
    attention: list[NDArray[np.float64]] = []
    chunk_logit_changes: list[NDArray[np.float64]] = []
    for batch in films.eval_batches():
        whole, weights = network(batch.chunks, batch.chunk_mask, *batch.extra_features)
        steps = torch.arange(batch.chunk_mask.shape[1])
        part = ((steps + 0.5) / batch.chunk_mask.sum(1, keepdim=True) * parts).long()
        without_parts = [_logits_without(network, batch, part == number) for number in range(parts)]
        without_chunks = [_logits_without(network, batch, steps == step) for step in steps]
        rows.append(batch.rows)
        logits.append(whole)
        logit_changes.append(whole[:, None] - torch.stack(without_parts, 1))
        by_chunk = whole[:, None] - torch.stack(without_chunks, 1)
        for inside, weight, move in zip(batch.chunk_mask, weights, by_chunk, strict=True):
            attention.append(weight[inside].double().numpy())
            chunk_logit_changes.append(move[inside].double().numpy())
    return OcclusionResult(
        np.concatenate(rows),
        torch.cat(logits).double().numpy(),
        torch.cat(logit_changes).double().numpy(),
        attention,
        chunk_logit_changes,
    )


def _logits_without(network: nn.Module, batch: ChunkBatch, occluded: Tensor) -> Tensor:
    """Return the logits without the chunks `occluded`, (batch, length) or (length,).

    A film that would keep no chunk stays whole.
    """
    kept = batch.chunk_mask & ~occluded
    kept = torch.where(kept.any(1, keepdim=True), kept, batch.chunk_mask)
    logits: Tensor = network(batch.chunks, kept, *batch.extra_features).logits
    return logits
