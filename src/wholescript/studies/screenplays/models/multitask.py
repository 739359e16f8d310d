"""Multi-task learning of nominations and wins: one trunk, a head for each."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.models.films.estimator import FilmDataset
from wholescript.models.types import Float64Array
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.batches import BatchLoader
from wholescript.training.objectives.base import LossFn, predict_logits
from wholescript.training.objectives.films import AggregatorObjective

NOMINATED, WON = 1, 2
"""Targets of nominated films and of winners; 0 is neither."""


@dataclass
class MultiTaskMILClassifier(MILClassifier):
    """`MILClassifier` for wins that also learns nominations.

    Only nominated films win, so P(win) = P(nomination) P(win | nomination). The factors are two
    heads of one network, trained on the likelihood of the three outcomes, which is also the
    validation loss. `auxiliary_label` is the column of the film table with the nominations.
    """

    auxiliary_label: str = "nominated_for_writing"

    model: ClassVar[str] = "MultiTaskMILClassifier"
    n_outputs: ClassVar[int] = 2

    @property
    def name(self) -> str:
        """The name of its runs."""
        return "multitask"

    def targets(self, dataset: FilmDataset) -> NDArray[np.int8]:
        """Return 0, `NOMINATED` or `WON` for each film."""
        return dataset.films[self.auxiliary_label].to_numpy(np.int8) + dataset.labels

    def make_loss_fn(self, labels: NDArray[np.int8]) -> LossFn:
        """Return the loss of the three outcomes."""
        return nomination_win_loss

    def objective(self) -> AggregatorObjective:
        """Return the objective that validates on wins."""
        return MultiTaskObjective(self.train_config.chunk_dropout)

    def probabilities(self, logits: Float64Array) -> Float64Array:
        """Return P(win), (n,)."""
        return win_probability(logits)


@dataclass(frozen=True)
class MultiTaskObjective(AggregatorObjective):
    """`AggregatorObjective` with three outcomes."""

    def validation_step(
        self, model: nn.Module, loader: BatchLoader, loss: LossFn
    ) -> dict[str, float]:
        """Return `val_loss` of the outcomes and `val_auc` of wins."""
        logits, targets, _ = predict_logits(model, loader, self)
        val_loss = float(loss(torch.from_numpy(logits), torch.from_numpy(targets)))
        wins = win_probability(logits)
        auc = float(roc_auc_score(targets == WON, wins)) if np.isfinite(wins).all() else np.nan
        return {"val_loss": val_loss, "val_auc": auc}


def nomination_win_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of targets 0, `NOMINATED` and `WON`, (batch,).

    `logits` (batch, 2) are those of a nomination, and of a win given a nomination; only nominated
    films contribute to the second.
    """
    nominated, won = (targets >= NOMINATED).float(), (targets == WON).float()
    nomination = binary_cross_entropy_with_logits(logits[:, 0], nominated)
    return nomination + binary_cross_entropy_with_logits(logits[:, 1], won, nominated)


def win_probability(logits: NDArray[np.floating]) -> Float64Array:
    """Return P(nomination) P(win | nomination), (n,), from the logits (n, 2) of the two heads."""
    return np.asarray(expit(logits.astype(np.float64)).prod(axis=1))
