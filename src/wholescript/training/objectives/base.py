"""What the training loop knows of a model: its objective."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wholescript.models.types import Float32Array, IntArray
from wholescript.training.batches import BatchLoader

LossFn = Callable[[Tensor, Tensor], Tensor]


class Objective(Protocol):
    """What a model is trained for."""

    def training_step(self, model: Any, batch: Any, loss: LossFn, *, seed: int) -> Tensor:
        """Add the gradient of the loss to the parameters; return the loss, detached.

        All random numbers of the step, dropout included, derive from `seed`.
        """

    def validation_step(self, model: Any, loader: Any, loss: LossFn) -> dict[str, float]:
        """Return the metrics of the validation set, `val_loss` first, as columns of the history."""


class LogitObjective(Protocol):
    """An objective whose model gives logits of each sample of a batch."""

    def logits(self, model: Any, batch: Any) -> Tensor:
        """Return the logits, (batch,) or (batch, n_outputs), without dropout."""


@torch.inference_mode()
def predict_logits(
    model: nn.Module, loader: BatchLoader, objective: LogitObjective
) -> tuple[Float32Array, NDArray[Any], IntArray]:
    """Return logits (n,) or (n, n_outputs), labels and indices (n,), in the order of the loader."""
    device = next(model.parameters()).device
    model.eval()
    logits, labels, indices = [], [], []
    for batch in loader.eval_batches():
        logits.append(objective.logits(model, batch.to(device)).float().cpu().numpy())
        labels.append(batch.labels.numpy())
        indices.append(batch.indices)
    return np.concatenate(logits), np.concatenate(labels), np.concatenate(indices)
