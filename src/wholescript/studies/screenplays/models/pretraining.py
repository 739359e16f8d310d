"""Masked-language-model pretraining of a chunk encoder on the training scripts, without labels."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from wholescript.features.token_chunks import TokenChunks
from wholescript.models.scratch_encoder import MaskedLanguageModel, ScratchEncoder
from wholescript.training.batches import TokenBatchLoader
from wholescript.training.loop import FitResult, TrainConfig, fit
from wholescript.training.objectives.masked_lm import MLMObjective


@dataclass(frozen=True)
class MLMConfig:
    """How to pretrain: `n_train_chunks` chunks of each film per epoch.

    `n_val_films` of the films are held out for early stopping.
    """

    n_train_chunks: int = 16
    batch_size: int = 4
    n_val_films: int = 16
    train_config: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=4, learning_rate=1e-3, weight_decay=0.01, patience=4
        )
    )


def pretrain_mlm(
    encoder: ScratchEncoder,
    tokens: TokenChunks,
    indices: NDArray[np.int64],
    config: MLMConfig,
    *,
    seed: int,
    progress: bool = False,
) -> FitResult:
    """Train `encoder` in place on films (indices); `val_loss` is in nats per masked token."""
    order = np.random.default_rng(seed).permutation(indices)
    n_val = min(config.n_val_films, len(order) // 4)
    no_labels = np.zeros(len(tokens.counts), np.int8)
    train_loader, val_loader = (
        TokenBatchLoader(
            tokens,
            no_labels,
            films,
            config.batch_size,
            config.n_train_chunks,
            config.n_train_chunks,
        )
        for films in (order[n_val:], order[:n_val])
    )
    return fit(
        MaskedLanguageModel(encoder),
        train_loader,
        val_loader,
        config.train_config,
        seed=seed,
        loss_fn=cross_entropy,
        objective=MLMObjective(),
        progress=progress,
    )
