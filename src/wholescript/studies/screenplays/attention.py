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
from wholescript.evaluation.occlusion import rank_correlations
from wholescript.models.task import Task
from wholescript.studies.screenplays.models.aggregation import Aggregation
from wholescript.training.batches import Batch, FilmBatches
from wholescript.training.loop import fit


@dataclass(frozen=True)
class Look:
    """What a network says of n films.

    `rows` (n,) are those of the corpus and `logits` (n,) of whole films; `moves` (n, parts) is the
    logit less that without a part of the script. `attention` and `removal` hold a vector a film,
    (n_chunks,): the attention to each chunk, and the logit less that without the chunk.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float64]
    moves: NDArray[np.float64]
    attention: list[NDArray[np.float64]]
    removal: list[NDArray[np.float64]]

    def agreement(self) -> NDArray[np.float64]:
        """Return Spearman's correlation of attention and the size of the removal, (n,).

        A film of equal weights has none: NaN.
        """
        sizes = map(np.abs, self.removal)
        return rank_correlations(zip(self.attention, sizes, strict=True))

    def share_of_attended(self, share: float = 0.1) -> NDArray[np.float64]:
        """Return how far the most attended `share` of a film's chunks moves its logit, (n,).

        Relative to its mean chunk: 1 is what chunks drawn at random would do.
        """
        found = []
        for weight, move in zip(self.attention, self.removal, strict=True):
            most = np.argsort(-weight, kind="stable")[: max(1, round(share * len(weight)))]
            mean = np.abs(move).mean()
            found.append(np.abs(move[most]).mean() / mean if mean else 1.0)
        return np.array(found)


def train_member(
    model: Aggregation, task: Task, fold: Fold, *, seed: int
) -> tuple[nn.Module, FilmBatches]:
    """Train the first of the networks whose mean scores a fold; return it and the test films."""
    seed = fold_seed(seed, fold)
    inner = inner_folds(task.labels, task.groups, fold.train, n_folds=model.n_inner, seed=seed)[0]
    torch.manual_seed(seed)
    network = model.build()
    parts = (inner.train, inner.test, fold.test)
    training, held_out, tested = model.batches(task, inner.train, *parts)
    fit(network, training, held_out, model.training, seed=seed)
    return network.eval(), tested


@torch.inference_mode()
def look(network: nn.Module, films: FilmBatches, parts: int) -> Look:
    """Ask a trained network about films: whole, without each part, without each chunk."""
    rows, logits, moves = [], [], []
    attention: list[NDArray[np.float64]] = []
    removal: list[NDArray[np.float64]] = []
    for batch in films.by_length():
        whole, weights = network(batch.chunks, batch.chunk_mask, *batch.beside)
        steps = torch.arange(batch.chunk_mask.shape[1])
        part = ((steps + 0.5) / batch.chunk_mask.sum(1, keepdim=True) * parts).long()
        without_parts = [_without(network, batch, part == number) for number in range(parts)]
        without_chunks = [_without(network, batch, steps == step) for step in steps]
        rows.append(batch.rows)
        logits.append(whole)
        moves.append(whole[:, None] - torch.stack(without_parts, 1))
        by_chunk = whole[:, None] - torch.stack(without_chunks, 1)
        for inside, weight, move in zip(batch.chunk_mask, weights, by_chunk, strict=True):
            attention.append(weight[inside].double().numpy())
            removal.append(move[inside].double().numpy())
    return Look(
        np.concatenate(rows),
        torch.cat(logits).double().numpy(),
        torch.cat(moves).double().numpy(),
        attention,
        removal,
    )


def _without(network: nn.Module, batch: Batch, hidden: Tensor) -> Tensor:
    """Return the logits without the chunks `hidden`, (batch, length) or (length,).

    A film that would keep no chunk stays whole.
    """
    kept = batch.chunk_mask & ~hidden
    kept = torch.where(kept.any(1, keepdim=True), kept, batch.chunk_mask)
    logits: Tensor = network(batch.chunks, kept, *batch.beside).logits
    return logits
