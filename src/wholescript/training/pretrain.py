"""Pretraining on the texts of a data set, labelled or not, before the supervised training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.nn.functional import cross_entropy

from wholescript.files import write_atomic
from wholescript.models.types import IntArray
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.epoch_timer import EpochTimer
from wholescript.training.objectives.base import Objective
from wholescript.training.phases import fit_phase
from wholescript.training.settings import TrainConfig

PHASE = "pretrain"
PRETRAINED_FILE, SECONDS_FILE = "pretrained.safetensors", f"seconds-{PHASE}.json"


def pretrain(
    model: nn.Module,
    backbone: nn.Module,
    build_windows: Callable[[], Sequence[IntArray]],
    config: TrainConfig,
    objective: Objective,
    *,
    batch_size: int,
    pad_token_id: int,
    folder: Path | None,
) -> None:
    """Train `model` on windows of tokens, with 1% of them as validation; seed torch before.

    `build_windows` is called unless the weights are stored. `backbone` is the part of `model` that
    the supervised training starts from. With a `folder` its weights are written there
    and read by later calls; a killed call resumes.

    Raises:
        RunError: the loss is not finite.
    """
    path = folder and folder / PRETRAINED_FILE
    if path and path.exists():
        backbone.load_state_dict(load_file(path))
        return
    seed = torch.initial_seed() % 2**32
    windows = build_windows()
    order = np.random.default_rng(seed).permutation(len(windows))
    n_val = max(len(windows) // 100, 1)
    train_loader, val_loader = (
        DocumentBatchLoader(
            [windows[index] for index in part],
            np.zeros(len(part), np.int64),
            batch_size,
            pad_token_id,
        )
        for part in (order[n_val:], order[:n_val])
    )
    fit_phase(
        model, train_loader, val_loader, config, [], phase=PHASE, folder=folder, seed=seed,
        loss=cross_entropy, objective=objective, progress=True,
    )  # fmt: skip
    if path:
        state = {name: value.contiguous() for name, value in backbone.state_dict().items()}
        write_atomic(path, save(state))


def pretrain_seconds(folder: Path) -> float:
    """Return the seconds of the pretraining in a folder, 0 without one."""
    return EpochTimer(folder / SECONDS_FILE, 0).total
