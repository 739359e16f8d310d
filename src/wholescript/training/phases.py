"""One phase of a training in a folder: checkpoints, the seconds of each epoch and the history."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from wholescript.training.batches import BatchLoader
from wholescript.training.epoch_timer import EpochTimer
from wholescript.training.loop import HistoryRow, TrainConfig, fit
from wholescript.training.objectives.base import LossFn, Objective


def fit_phase(
    model: nn.Module,
    train_loader: BatchLoader,
    val_loader: BatchLoader,
    config: TrainConfig,
    history: list[HistoryRow],
    *,
    phase: int | str = 0,
    folder: Path | None,
    seed: int,
    loss_fn: LossFn,
    objective: Objective,
    save_interval_s: float = 60.0,
    progress: bool = False,
    on_epoch_end: Callable[[HistoryRow], None] | None = None,
    extra_columns: HistoryRow | None = None,
) -> int:
    """Train `model`, append its epochs to `history` and return the number of the best epoch there.

    Each row has `extra_columns`, the columns of the loop and `seconds`; `on_epoch_end` is called
    with it. With a `folder` the checkpoint and the seconds of this `phase` are written there, and
    a killed training resumes from them.

    Raises:
        RunError: the loss is not finite.
    """
    columns = extra_columns or {}
    checkpoint = folder and folder / f"checkpoint-{phase}.safetensors"
    timer = EpochTimer(folder and folder / f"seconds-{phase}.json", len(history), checkpoint)
    result = fit(
        model, train_loader, val_loader, config, seed=seed, loss_fn=loss_fn, objective=objective,
        checkpoint=checkpoint, save_interval_s=save_interval_s, progress=progress,
        on_epoch_end=timer.epoch_callback(on_epoch_end, columns),
    )  # fmt: skip
    best_epoch = len(history) + result.best_epoch
    history += [{**columns, **timer.with_seconds(row)} for row in result.history]
    return best_epoch
