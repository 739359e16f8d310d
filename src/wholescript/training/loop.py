"""The training loop: learning rate schedule, gradient accumulation and clipping, early stopping.

Each step derives its random seed from the run's seed, the epoch and the step number. A run that was
killed and resumed from its last checkpoint therefore ends with the same weights as an unbroken one.
Under `accelerate launch` (on CPUs with `--cpu`), the processes split the batches of each step and
sum their gradients: the weights equal those of one process up to the order of summation.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env, reduce
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.errors import RunError
from wholescript.models.types import IntArray
from wholescript.training.batches import BatchLoader, prefetch
from wholescript.training.checkpoint import (
    load_checkpoint,
    load_trainable_state_dict,
    save_checkpoint,
    trainable_state_dict,
)
from wholescript.training.hardware import hardware
from wholescript.training.objectives.base import LossFn, Objective
from wholescript.training.objectives.films import FrozenEncoderObjective
from wholescript.training.progress import ProgressMeter, progress_path
from wholescript.training.seeds import derive_seed
from wholescript.training.settings import HistoryRow, TrainConfig


class Batch(Protocol):
    """What the loop needs of a batch; the rest is between loader and objective."""

    @property
    def indices(self) -> IntArray:
        """The index of each sample in the data set, (batch,)."""

    @property
    def labels(self) -> Tensor:
        """The labels, (batch,), as the loss takes them."""

    def to(self, device: torch.device) -> Any:
        """Move the tensors to a device."""


@dataclass(frozen=True)
class FitResult:
    """`history` has a row for each epoch. The model holds the weights of `best_epoch`."""

    history: list[HistoryRow]
    best_epoch: int


def fit(
    model: nn.Module,
    train_loader: BatchLoader,
    val_loader: BatchLoader,
    config: TrainConfig,
    *,
    seed: int,
    loss: LossFn = binary_cross_entropy_with_logits,
    objective: Objective | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    checkpoint: Path | None = None,
    save_interval_s: float = 60.0,
    progress: bool = False,
    on_epoch_end: Callable[[HistoryRow], None] | None = None,
) -> FitResult:
    """Train `model` with early stopping, and leave the weights of the best epoch in it.

    `objective` is `FrozenEncoderObjective` by default, `optimizer` AdamW; the schedule sets its
    learning rate. The file `checkpoint` is written after every epoch and every `save_interval_s`
    seconds, and training resumes from it if it exists; `progress_path(checkpoint)` holds the
    progress. `on_epoch_end` is called with each new row of the history.

    Raises:
        RunError: the loss is not finite; the message names the epoch.
        ParameterError: the history has no column `config.monitor`.
    """
    objective = objective or FrozenEncoderObjective(config.chunk_dropout)
    processes = _distributed_state()
    device = _device(processes)
    model.to(device)
    optimizer = optimizer or torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad],
        config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )
    epoch_steps = -(-len(train_loader) // config.gradient_accumulation_steps)
    steps = config.epochs * epoch_steps
    schedule = config.scheduler(optimizer, steps)
    best_state: dict[str, Tensor] = copy.deepcopy(trainable_state_dict(model))
    history: list[HistoryRow] = []
    steps_done, loss_sum, n_samples = 0, 0.0, 0  # in the current epoch
    if checkpoint and (restored := load_checkpoint(checkpoint, model, optimizer)):
        best_state, metadata = restored
        history, steps_done, loss_sum, n_samples = (
            metadata[key] for key in ("history", "steps_done", "loss_sum", "n_samples")
        )
        for group, rate in zip(optimizer.param_groups, metadata["learning_rates"], strict=True):
            group["lr"] = rate
        schedule.last_epoch = len(history) * epoch_steps + steps_done

    def save() -> None:
        if checkpoint and processes.is_main_process:
            metadata = {
                "history": history,
                "learning_rates": [group["lr"] for group in optimizer.param_groups],
                "steps_done": steps_done,
                "loss_sum": loss_sum,
                "n_samples": n_samples,
            }
            save_checkpoint(checkpoint, model, optimizer, best_state, metadata)
            meter.saved()

    main = processes.is_main_process
    meter = ProgressMeter(
        steps,
        len(history) * epoch_steps + steps_done,
        progress_path(checkpoint) if checkpoint and main else None,
        show_bar=progress and main,
    )
    saved = monotonic()
    for epoch in range(len(history) + 1, config.epochs + 1):
        if history and epoch - config.best_epoch(history) > config.patience:
            break
        model.train()
        batches = prefetch(
            train_loader.train_batches(derive_seed(seed, epoch)), hardware().loader_workers
        )
        rest = islice(batches, steps_done * config.gradient_accumulation_steps, None)
        while step := list(islice(rest, config.gradient_accumulation_steps)):
            loss_sum += _optimizer_step(
                model, step, optimizer, config, loss, objective, (seed, epoch, steps_done)
            )
            schedule.step()
            n_samples += sum(len(batch.indices) for batch in step)
            steps_done += 1
            meter.step(epoch, loss_sum / n_samples)
            if monotonic() - saved > save_interval_s:
                save()
                saved = monotonic()
        train_loss = loss_sum / n_samples
        model.eval()
        val_metrics = objective.validation_step(model, val_loader, loss)
        if not math.isfinite(train_loss + val_metrics["val_loss"]):
            raise RunError(
                f"the loss is not finite in epoch {epoch}: lower learning_rate "
                f"(now {config.learning_rate})"
            )
        history.append(
            {
                "epoch": epoch,
                "train_loss": round(train_loss, 5),
                **{name: round(value, 5) for name, value in val_metrics.items()},
                "learning_rate": round(optimizer.param_groups[0]["lr"], 8),
            }
        )
        if config.best_epoch(history) == epoch:
            best_state = copy.deepcopy(trainable_state_dict(model))
        steps_done, loss_sum, n_samples = 0, 0.0, 0
        save()
        if on_epoch_end:
            on_epoch_end(history[-1])
    meter.close()
    load_trainable_state_dict(model, {name: value.to(device) for name, value in best_state.items()})
    return FitResult(history, config.best_epoch(history))


def _distributed_state() -> PartialState:
    # On CPUs, accelerate joins the processes only if this variable of `accelerate launch` is set.
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))


def _device(processes: PartialState) -> torch.device:
    # `accelerate launch` chooses the devices of its processes.
    launched = processes.num_processes > 1 or parse_flag_from_env("ACCELERATE_USE_CPU")
    return processes.device if launched else torch.device(hardware().device)


def _optimizer_step(
    model: nn.Module,
    batches: list[Batch],
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    loss: LossFn,
    objective: Objective,
    step_seed: tuple[int, int, int],
) -> float:
    """Take one step on batches that are split among processes; return the sum of the losses."""
    processes = _distributed_state()
    device = _device(processes)
    n_samples = sum(len(batch.indices) for batch in batches)
    optimizer.zero_grad(set_to_none=True)
    loss_sum = torch.zeros((), device=device)
    for number in range(processes.process_index, len(batches), processes.num_processes):
        batch = batches[number].to(device)
        share = len(batch.indices) / n_samples

        def weighted(logits: Tensor, labels: Tensor, share: float = share) -> Tensor:
            return share * loss(logits, labels)

        batch_seed = derive_seed(*step_seed, number)
        loss_sum += n_samples * objective.training_step(model, batch, weighted, seed=batch_seed)
    if processes.num_processes > 1:
        for parameter in model.parameters():
            if parameter.requires_grad:
                own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = reduce(own, "sum")
        loss_sum = reduce(loss_sum, "sum")
    nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    optimizer.step()
    return float(loss_sum)
