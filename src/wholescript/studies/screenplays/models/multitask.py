"""Nominations and wins learned together: one trunk, a head for each."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from torch import nn

from wholescript.models.task import Task
from wholescript.studies.screenplays.models.aggregation import FloatArray, MILClassifier
from wholescript.training.batches import BatchLoader
from wholescript.training.losses import WON, nomination_win_loss
from wholescript.training.objectives import FrozenEncoderObjective, LossFn, predict_logits


@dataclass
class MultiTaskMILClassifier(MILClassifier):
    """`MILClassifier` for wins that learns nominations too.

    Only nominated films win, so P(win) = P(nomination) P(win | nomination). Both factors are heads
    of one network, trained on the likelihood of the three outcomes; it stops early by the same.
    `auxiliary_label` names the column of the film table with the easier label.
    """

    auxiliary_label: str = "nominated_for_writing"

    n_outputs: ClassVar[int] = 2

    @property
    def name(self) -> str:
        """What a run of it is called."""
        return "joint"

    def targets(self, task: Task) -> NDArray[np.int8]:
        """Return 0, `NOMINATED` or `WON` of each film."""
        return task.films[self.auxiliary_label].to_numpy(np.int8) + task.labels

    def loss(self, labels: NDArray[np.int8]) -> LossFn:
        """Return the loss of three outcomes."""
        return nomination_win_loss

    def objective(self) -> FrozenEncoderObjective:
        """Return the way of vectors, judged on wins."""
        return MultiTaskObjective(self.training.chunk_dropout)

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Return P(win), (n,)."""
        return win_probability(logits)


@dataclass(frozen=True)
class MultiTaskObjective(FrozenEncoderObjective):
    """Chunk vectors of films with three outcomes."""

    def validation_step(
        self, model: nn.Module, batches: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return the loss, and the AUC of wins."""
        logits, targets, _ = predict_logits(model, batches, self)
        val_loss = float(loss(torch.from_numpy(logits), torch.from_numpy(targets)))
        wins = win_probability(logits)
        auc = float(roc_auc_score(targets == WON, wins)) if np.isfinite(wins).all() else np.nan
        return {"held_out_loss": val_loss, "held_out_auc": auc}


def win_probability(logits: NDArray[np.floating]) -> FloatArray:
    """Return the product of both heads' probabilities, (n,), from their logits (n, 2)."""
    return np.asarray(expit(logits.astype(np.float64)).prod(axis=1))
