"""Attention of a MIL network: its profile along the script, and its agreement with occlusion.

Both use one network of the ensemble, the first of a fold, on the test films of that fold. If
attention explained the score, it would rank a film's chunks as their occlusion does (Jain and
Wallace, 2019).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wholescript.data.films.folds import Fold, inner_folds
from wholescript.models.aggregators import relative_positions
from wholescript.models.films.estimator import Estimator, FilmDataset
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.studies.screenplays.occlusion import spearman_per_row
from wholescript.training.batches import ChunkBatch, ChunkBatchLoader
from wholescript.training.loop import fit


@dataclass(frozen=True)
class OcclusionResult:
    """Attention and occlusion of n films.

    `indices` (n,) in the data set; `logits` (n,) of whole films; `logit_changes` (n, n_parts):
    logit minus the logit without a part of the script. `attention` and `chunk_logit_changes` hold a
    vector (n_chunks,) for each film: the attention to each chunk, and logit minus logit without the
    chunk.
    """

    indices: NDArray[np.int64]
    logits: NDArray[np.float64]
    logit_changes: NDArray[np.float64]
    attention: list[NDArray[np.float64]]
    chunk_logit_changes: list[NDArray[np.float64]]

    def rank_correlation(self) -> NDArray[np.float64]:
        """Return Spearman's correlation of attention and absolute logit change, (n,).

        It is NaN for a film with constant attention.
        """
        sizes = map(np.abs, self.chunk_logit_changes)
        return spearman_per_row(zip(self.attention, sizes, strict=True))

    def top_attended_ratio(self, share: float = 0.1) -> NDArray[np.float64]:
        """Return the mean absolute logit change of the most attended `share` of chunks, (n,).

        It is divided by that of all chunks of the film: random chunks would give 1.
        """
        ratios = []
        for weight, change in zip(self.attention, self.chunk_logit_changes, strict=True):
            top = np.argsort(-weight, kind="stable")[: max(1, round(share * len(weight)))]
            mean = np.abs(change).mean()
            ratios.append(np.abs(change[top]).mean() / mean if mean else 1.0)
        return np.array(ratios)


def attention_profile(
    model: Estimator, dataset: FilmDataset, fold: Fold, *, n_bins: int = 20, seed: int = 0
) -> NDArray[np.float64]:
    """Train a network on `fold` and return its attention by position in the script, (n_bins,).

    The script is cut into `n_bins` equal parts. The attention to a part is divided by the share of
    the chunks in it, over all test films: uniform attention gives 1.

    Raises:
        TypeError: the model has no attention.
    """
    if not isinstance(model, MILClassifier):
        raise TypeError(f"{model.name} has no attention: only MIL classifiers have")
    network, test_loader = train_first_member(model, dataset, fold, seed=seed)
    weight, uniform = np.zeros(n_bins), np.zeros(n_bins)
    for batch in test_loader.eval_batches():
        with torch.inference_mode():
            attention = network(batch.chunks, batch.chunk_mask, *batch.extra_features).attention
        part = (relative_positions(batch.chunk_mask) * n_bins).long().clamp(max=n_bins - 1)
        share = batch.chunk_mask / batch.chunk_mask.sum(1, keepdim=True)
        inside = batch.chunk_mask.numpy()
        np.add.at(weight, part.numpy()[inside], attention.numpy()[inside])
        np.add.at(uniform, part.numpy()[inside], share.numpy()[inside])
    return weight / np.maximum(uniform, 1e-12)


def train_first_member(
    model: MILClassifier, dataset: FilmDataset, fold: Fold, *, seed: int
) -> tuple[nn.Module, ChunkBatchLoader]:
    """Train the first network of a fold's ensemble; return it and a loader of the test films."""
    inner = inner_folds(
        dataset.labels, dataset.groups, fold.train, n_folds=model.n_inner_folds, seed=seed
    )[0]
    torch.manual_seed(seed)
    network = model.build()
    train_loader, val_loader, test_loader = model.loaders(
        dataset, inner.train, inner.train, inner.test, fold.test
    )
    fit(network, train_loader, val_loader, model.train_config, seed=seed)
    return network.eval(), test_loader


@torch.inference_mode()
def occlude_network(network: nn.Module, loader: ChunkBatchLoader, n_parts: int) -> OcclusionResult:
    """Score films whole, without each of `n_parts` equal parts, and without each chunk."""
    indices, logits, logit_changes = [], [], []
    attention: list[NDArray[np.float64]] = []
    chunk_logit_changes: list[NDArray[np.float64]] = []
    for batch in loader.eval_batches():
        whole, weights = network(batch.chunks, batch.chunk_mask, *batch.extra_features)
        steps = torch.arange(batch.chunk_mask.shape[1])
        part = ((steps + 0.5) / batch.chunk_mask.sum(1, keepdim=True) * n_parts).long()
        without_parts = [_logits_without(network, batch, part == k) for k in range(n_parts)]
        without_chunks = [_logits_without(network, batch, steps == step) for step in steps]
        indices.append(batch.indices)
        logits.append(whole)
        logit_changes.append(whole[:, None] - torch.stack(without_parts, 1))
        by_chunk = whole[:, None] - torch.stack(without_chunks, 1)
        for inside, weight, change in zip(batch.chunk_mask, weights, by_chunk, strict=True):
            attention.append(weight[inside].double().numpy())
            chunk_logit_changes.append(change[inside].double().numpy())
    return OcclusionResult(
        np.concatenate(indices),
        torch.cat(logits).double().numpy(),
        torch.cat(logit_changes).double().numpy(),
        attention,
        chunk_logit_changes,
    )


def _logits_without(network: nn.Module, batch: ChunkBatch, occluded: Tensor) -> Tensor:
    """Return the logits without the chunks `occluded`, (batch, length) or (length,).

    A film that would have no chunk left is scored whole.
    """
    kept = batch.chunk_mask & ~occluded
    kept = torch.where(kept.any(1, keepdim=True), kept, batch.chunk_mask)
    logits: Tensor = network(batch.chunks, kept, *batch.extra_features).logits
    return logits
