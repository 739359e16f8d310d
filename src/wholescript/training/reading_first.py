"""What a model reads before it is trained for anything: texts without labels, and only once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.nn.functional import cross_entropy

from wholescript.files import write_atomic
from wholescript.training.loop import TrainingSettings, fit
from wholescript.training.text_batches import IntArray, TextBatches
from wholescript.training.ways import Way

READ = "pretrained.safetensors"
READING = TrainingSettings(
    epochs=2,
    learning_rate=1e-3,
    weight_decay=0.01,
    patience=2,
    chunk_dropout=0.0,
    monitor="held_out_loss",
)


def read_first(
    reader: nn.Module,
    kept: nn.Module,
    rows: Sequence[IntArray],
    settings: TrainingSettings,
    way: Way,
    *,
    batch_size: int,
    padding: int,
    folder: Path | None,
) -> None:
    """Train `reader` on windows of tokens, one in a hundred held out; seed torch before.

    `kept` is the part of it that is to be trained on. With a `folder` what it learned is kept
    there: a later call takes it, and a killed one goes on.

    Raises:
        RunError: the loss is not finite.
    """
    done = folder and folder / READ
    if done and done.exists():
        kept.load_state_dict(load_file(done))
        return
    seed = torch.initial_seed() % 2**32
    order = np.random.default_rng(seed).permutation(len(rows))
    held = max(len(rows) // 100, 1)
    training, held_out = (
        TextBatches([rows[row] for row in part], np.zeros(len(part), np.int64), batch_size, padding)
        for part in (order[held:], order[:held])
    )
    fit(
        reader, training, held_out, settings, seed=seed, loss=cross_entropy, way=way,
        progress=True, checkpoint=folder and folder / "checkpoint-reading.safetensors",
    )  # fmt: skip
    if done:
        state = {name: value.contiguous() for name, value in kept.state_dict().items()}
        write_atomic(done, save(state))
