"""The one training loop: an optimizer, warm-up and a schedule, clipping, early stopping.

Each step seeds its own randomness from the run's seed, its epoch and its number, so that a run that
was killed and resumed from its last checkpoint ends with the same weights as one that was not.
Under `accelerate launch`, on CPUs with `--cpu`, the processes share the batches of each step and
add up their gradients, which gives the weights that one process finds, but for the order of sums.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Protocol, get_args

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env, reduce
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_wsd_schedule,
)

from wholescript.errors import ParameterError, RunError
from wholescript.training.batches import BatchLoader
from wholescript.training.checkpoint import (
    load_checkpoint,
    load_trainable_state_dict,
    save_checkpoint,
    trainable_state_dict,
)
from wholescript.training.objectives import FrozenEncoderObjective, LossFn, Objective
from wholescript.training.progress import ProgressMeter, progress_path

HistoryRow = dict[str, float | int]
Schedule = Literal["cosine", "onecycle", "constant", "wsd"]
WSD_DECAY_RATIO = 0.3  # the share of the steps in which `wsd` takes the rate down


class Batch(Protocol):
    """A batch: `rows` (batch,) int64 in the corpus, `labels` (batch,) as the loss takes them."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows of its films in the corpus."""

    @property
    def labels(self) -> Tensor:
        """The labels of its films."""

    def to(self, device: torch.device) -> Any:
        """Move the tensors to a device."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train. `learning_rate` is the peak; `patience` counts epochs without a better score.

    The score is the column `monitor` of the history: the lower the better if it is a loss, else the
    higher. After a share of the steps for warm-up, `schedule` takes the rate down to zero along a
    cosine; `onecycle` also warms up along one, from a 25th of the peak (Smith and Topin, 2019);
    `constant` stays; `wsd` stays too, and falls in a line in the last steps (Hu et al., 2024).
    A step reads `gradient_accumulation_steps` batches. `chunk_dropout` hides a share of the chunk vectors of a film.
    """

    epochs: int = 30
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_ratio: float = 0.1
    max_grad_norm: float = 1.0
    patience: int = 6
    chunk_dropout: float = 0.5
    gradient_accumulation_steps: int = 1
    schedule: Schedule = "cosine"
    monitor: str = "held_out_loss"

    def __post_init__(self) -> None:
        """Refuse what could not train."""
        if self.epochs < 1 or self.learning_rate <= 0 or not 0 <= self.chunk_dropout < 1:
            raise ParameterError(
                f"epochs={self.epochs} must be at least 1, learning_rate={self.learning_rate} "
                f"positive and chunk_dropout={self.chunk_dropout} in [0, 1)"
            )
        if self.gradient_accumulation_steps < 1:
            raise ParameterError(
                f"gradient_accumulation_steps={self.gradient_accumulation_steps}: a step reads at least one batch"
            )
        if self.schedule not in get_args(Schedule):
            raise ParameterError(
                f"schedule={self.schedule!r} is none of {', '.join(get_args(Schedule))}"
            )

    def best(self, history: list[HistoryRow]) -> int:
        """Return the epoch with the best score, the first of equals.

        Raises:
            ParameterError: the history has no such column.
        """
        if self.monitor not in history[0]:
            raise ParameterError(f"monitor={self.monitor!r} is none of {', '.join(history[0])}")
        sign = 1 if self.monitor.endswith("loss") else -1
        return int(min(history, key=lambda row: sign * row[self.monitor])["epoch"])

    def scheduler(self, optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """Return the schedule of the learning rate over all steps of a training."""
        if self.schedule == "onecycle":
            # One step more than is taken, and neither phase empty: both would divide by nothing.
            total = max(steps + 1, 3)
            warmup = min(max(math.ceil(self.warmup_ratio * steps), 2), total - 1)
            return OneCycleLR(
                optimizer,
                self.learning_rate,
                total,
                pct_start=warmup / total,
                cycle_momentum=False,
            )
        warmup = math.ceil(self.warmup_ratio * steps)
        if self.schedule == "constant":
            return get_constant_schedule_with_warmup(optimizer, warmup)
        if self.schedule == "wsd":
            decay = min(math.ceil(WSD_DECAY_RATIO * steps), steps - warmup)
            return get_wsd_schedule(
                optimizer, warmup, decay, num_training_steps=steps, decay_type="linear"
            )
        return get_cosine_schedule_with_warmup(optimizer, warmup, steps)


@dataclass(frozen=True)
class FitResult:
    """`history`: a row an epoch. The weights of the best epoch are in the model."""

    history: list[HistoryRow]
    best_epoch: int


def fit(
    model: nn.Module,
    training: BatchLoader,
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
    """Train `model` until its held-out score gets no better, and leave its best weights in it.

    `objective` says what a batch holds and how its gradient is had: chunk vectors by default. The
    `optimizer` of the model is AdamW if none is given, and follows the schedule. The file
    `checkpoint` is written after every epoch and every `save_interval_s` within one, and resumed from
    when it exists; a file beside it tells how far the training has come. `on_epoch_end` is told each
    new row of the history.

    Raises:
        RunError: the loss is not finite; the message says at which epoch.
    """
    objective = objective or FrozenEncoderObjective(config.chunk_dropout)
    processes = _distributed_state()
    model.to(processes.device)
    optimizer = optimizer or torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad],
        config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )
    epoch_steps = -(-len(training) // config.gradient_accumulation_steps)
    steps = config.epochs * epoch_steps
    schedule = config.scheduler(optimizer, steps)
    best: dict[str, Tensor] = copy.deepcopy(trainable_state_dict(model))
    history: list[HistoryRow] = []
    done, total, films = 0, 0.0, 0  # of the epoch that is under way
    if checkpoint and (restored := load_checkpoint(checkpoint, model, optimizer)):
        best, metadata = restored
        history, done, total, films = (
            metadata[key] for key in ("history", "done", "total", "films")
        )
        for group, rate in zip(optimizer.param_groups, metadata["rates"], strict=True):
            group["lr"] = rate
        schedule.last_epoch = len(history) * epoch_steps + done

    def save() -> None:
        if checkpoint and processes.is_main_process:
            rates = [group["lr"] for group in optimizer.param_groups]
            epoch = {"done": done, "total": total, "films": films}
            save_checkpoint(
                checkpoint, model, optimizer, best, {"history": history, "rates": rates, **epoch}
            )
            meter.saved()

    main = processes.is_main_process
    meter = ProgressMeter(
        steps,
        len(history) * epoch_steps + done,
        progress_path(checkpoint) if checkpoint and main else None,
        show_bar=progress and main,
    )
    saved = monotonic()
    for epoch in range(len(history) + 1, config.epochs + 1):
        if history and epoch - config.best(history) > config.patience:
            break
        model.train()
        batches = training.train_batches(derive_seed(seed, epoch))
        rest = islice(batches, done * config.gradient_accumulation_steps, None)
        while step := list(islice(rest, config.gradient_accumulation_steps)):
            total += _optimizer_step(
                model, step, optimizer, config, loss, objective, (seed, epoch, done)
            )
            schedule.step()
            films, done = films + sum(len(batch.rows) for batch in step), done + 1
            meter.step(epoch, total / films)
            if monotonic() - saved > save_interval_s:
                save()
                saved = monotonic()
        train_loss = total / films
        model.eval()
        val_metrics = objective.validation_step(model, val_loader, loss)
        if not math.isfinite(train_loss + val_metrics["held_out_loss"]):
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
        if config.best(history) == epoch:
            best = copy.deepcopy(trainable_state_dict(model))
        done, total, films = 0, 0.0, 0
        save()
        if on_epoch_end:
            on_epoch_end(history[-1])
    meter.close()
    load_trainable_state_dict(
        model, {name: value.to(processes.device) for name, value in best.items()}
    )
    return FitResult(history, config.best(history))


def _distributed_state() -> PartialState:
    # A CPU's processes know of each other only where they are told that it is meant.
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))


def derive_seed(*parts: int) -> int:
    """Return a seed for an epoch, or a batch of it, of a run: other parts, another seed."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _optimizer_step(
    model: nn.Module,
    batches: list[Batch],
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    loss: LossFn,
    objective: Objective,
    step_seed: tuple[int, int, int],
) -> float:
    """Take one step on batches that the processes share; return the sum of the films' losses."""
    processes = _distributed_state()
    device = processes.device
    films = sum(len(batch.rows) for batch in batches)
    optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=device)
    for number in range(processes.process_index, len(batches), processes.num_processes):
        batch = batches[number].to(device)
        share = len(batch.rows) / films

        def shared(logits: Tensor, labels: Tensor, share: float = share) -> Tensor:
            return share * loss(logits, labels)

        batch_seed = derive_seed(*step_seed, number)
        total += films * objective.training_step(model, batch, shared, seed=batch_seed)
    if processes.num_processes > 1:
        for parameter in model.parameters():
            if parameter.requires_grad:
                own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = reduce(own, "sum")
        total = reduce(total, "sum")
    nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    optimizer.step()
    return float(total)
