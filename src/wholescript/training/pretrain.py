"""What a model reads before it is trained for anything: texts without labels, and only once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.nn.functional import cross_entropy

from wholescript.files import write_atomic
from wholescript.training.documents import DocumentBatchLoader, IntArray
from wholescript.training.epoch_clock import EpochTimer
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.objectives import Objective

PRETRAINED_FILE, SECONDS_FILE = "pretrained.safetensors", "seconds-reading.json"
PRETRAIN_CONFIG = TrainConfig(
    epochs=2,
    learning_rate=1e-3,
    weight_decay=0.01,
    patience=2,
    chunk_dropout=0.0,
    monitor="held_out_loss",
)


def pretrain(
    reader: nn.Module,
    kept: nn.Module,
    rows: Callable[[], Sequence[IntArray]],
    config: TrainConfig,
    objective: Objective,
    *,
    batch_size: int,
    pad_token_id: int,
    folder: Path | None,
) -> None:
    """Train `reader` on windows of tokens, one in a hundred held out; seed torch before.

    `rows` returns the windows, and `kept` is the part of the reader that is to be trained on. With
    a `folder` what it learned is kept there: a later call takes it, and a killed one goes on.

    Raises:
        RunError: the loss is not finite.
    """
    done = folder and folder / PRETRAINED_FILE
    if done and done.exists():
        kept.load_state_dict(load_file(done))
        return
    seed = torch.initial_seed() % 2**32
    windows = rows()
    order = np.random.default_rng(seed).permutation(len(windows))
    held = max(len(windows) // 100, 1)
    training, val_loader = (
        DocumentBatchLoader(
            [windows[row] for row in part], np.zeros(len(part), np.int64), batch_size, pad_token_id
        )
        for part in (order[held:], order[:held])
    )
    checkpoint = folder and folder / "checkpoint-reading.safetensors"
    timer = EpochTimer(folder and folder / SECONDS_FILE, 0, checkpoint)
    fit(
        reader, training, val_loader, config, seed=seed, loss=cross_entropy, objective=objective,
        progress=True, checkpoint=checkpoint, on_epoch_end=timer.record,
    )  # fmt: skip
    if done:
        state = {name: value.contiguous() for name, value in kept.state_dict().items()}
        write_atomic(done, save(state))


def pretrain_seconds(folder: Path) -> float:
    """Return how long the reading took whose model a folder keeps; 0 where there was none."""
    return EpochTimer(folder / SECONDS_FILE, 0).total
