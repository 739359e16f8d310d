"""The one training loop: AdamW, cosine schedule with warm-up, clipping, early stopping.

Each epoch seeds its own randomness from the run's seed and its number, so that a run that was
killed and resumed from its last checkpoint ends with the same weights as one that was not.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm.auto import tqdm
from transformers import get_cosine_schedule_with_warmup

from wholescript.errors import ParameterError, RunError
from wholescript.training.batches import Batch
from wholescript.training.checkpoint import load_checkpoint, save_checkpoint

Loss = Callable[[Tensor, Tensor], Tensor]


class Batches(Protocol):
    """What the loop reads: training batches in a seeded order, held-out ones in a fixed order."""

    def shuffled(self, seed: int) -> Iterator[Batch]:
        """Go through all examples once, in an order that `seed` alone decides."""

    def by_length(self) -> Iterator[Batch]:
        """Go through all examples once, in a fixed order."""

    def __len__(self) -> int:
        """Return the number of batches."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. `learning_rate` is the peak; `patience` counts epochs without a better loss."""

    epochs: int = 30
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.1
    clip_norm: float = 1.0
    patience: int = 6
    chunk_dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what could not train."""
        if self.epochs < 1 or self.learning_rate <= 0 or not 0 <= self.chunk_dropout < 1:
            raise ParameterError(
                f"epochs={self.epochs} must be at least 1, learning_rate={self.learning_rate} "
                f"positive and chunk_dropout={self.chunk_dropout} in [0, 1)"
            )


@dataclass(frozen=True)
class Fit:
    """`history`: a row an epoch. The weights of the best epoch are in the model."""

    history: list[dict[str, float | int]]
    best_epoch: int


def fit(
    model: nn.Module,
    training: Batches,
    held_out: Batches,
    settings: TrainingSettings,
    *,
    seed: int,
    loss: Loss = binary_cross_entropy_with_logits,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> Fit:
    """Train `model` until the held-out loss stops falling, and leave its best weights in it.

    `checkpoint` names a file that is written after every epoch and resumed from when it exists.

    Raises:
        RunError: the loss is not finite; the message says at which epoch.
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = settings.epochs * len(training)
    schedule = get_cosine_schedule_with_warmup(
        optimizer, math.ceil(settings.warmup_share * steps), steps
    )
    best, history = copy.deepcopy(model.state_dict()), []
    if checkpoint and (restored := load_checkpoint(checkpoint, model, optimizer)):
        best, history = restored[0], restored[1]["history"]
        for group, rate in zip(optimizer.param_groups, restored[1]["rates"], strict=True):
            group["lr"] = rate
        schedule.last_epoch = len(history) * len(training)
    bar = tqdm(
        range(len(history) + 1, settings.epochs + 1),
        initial=len(history),
        total=settings.epochs,
        unit="epoch",
        disable=not progress,
        leave=False,
    )
    for epoch in bar:
        if history and epoch - _best_epoch(history) > settings.patience:
            break
        train_loss = _train_epoch(
            model, training, optimizer, schedule, settings, loss, seed=epoch_seed(seed, epoch)
        )
        logits, labels, _ = predict(model, held_out)
        held_out_loss = float(loss(torch.from_numpy(logits), torch.from_numpy(labels)))
        if not math.isfinite(train_loss + held_out_loss):
            raise RunError(
                f"the loss is not finite in epoch {epoch}: lower learning_rate "
                f"(now {settings.learning_rate})"
            )
        history.append(
            {
                "epoch": epoch,
                "train_loss": round(train_loss, 5),
                "held_out_loss": round(held_out_loss, 5),
                "held_out_auc": round(float(roc_auc_score(labels, logits)), 5),
                "learning_rate": round(optimizer.param_groups[0]["lr"], 8),
            }
        )
        if _best_epoch(history) == epoch:
            best = copy.deepcopy(model.state_dict())
        bar.set_postfix(loss=f"{train_loss:.3f}", held_out=f"{held_out_loss:.3f}")
        if checkpoint:
            rates = [group["lr"] for group in optimizer.param_groups]
            note = {"history": history, "rates": rates}
            save_checkpoint(checkpoint, model, optimizer, best, note)
    model.load_state_dict({name: value.to(device) for name, value in best.items()})
    return Fit(history, _best_epoch(history))


@torch.inference_mode()
def predict(
    model: nn.Module, batches: Batches
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return logits, labels and row numbers, (n,) each, in the order of the batches."""
    device = next(model.parameters()).device
    model.eval()
    logits, labels, rows = [], [], []
    for batch in batches.by_length():
        moved = batch.to(device)
        logits.append(model(moved.chunks, moved.chunk_mask).logits.float().cpu().numpy())
        labels.append(batch.labels.numpy())
        rows.append(batch.rows)
    return np.concatenate(logits), np.concatenate(labels), np.concatenate(rows)


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of one epoch's shuffling and dropout."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


def _train_epoch(
    model: nn.Module,
    training: Batches,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    settings: TrainingSettings,
    loss: Loss,
    *,
    seed: int,
) -> float:
    torch.manual_seed(seed)
    device = next(model.parameters()).device
    model.train()
    total, films = 0.0, 0
    for batch in training.shuffled(seed):
        moved = batch.to(device)
        mask = drop_chunks(moved.chunk_mask, settings.chunk_dropout)
        batch_loss = loss(model(moved.chunks, mask).logits, moved.labels)
        optimizer.zero_grad(set_to_none=True)
        batch_loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimizer.step()
        schedule.step()
        total, films = total + batch_loss.item() * len(batch.rows), films + len(batch.rows)
    return total / films


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


def _best_epoch(history: list[dict[str, float | int]]) -> int:
    return int(min(history, key=lambda row: row["held_out_loss"])["epoch"])
