"""Optimizers by name, several of which can act as one: matrices by Muon, all else by AdamW."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.optim import SGD, AdamW, Muon, Optimizer

from wholescript.errors import ParameterError

OptimizerName = Literal["adamw", "sgd", "muon"]
BETAS = (0.9, 0.95)  # a shorter memory than usual, as language models are trained with


class CombinedOptimizer(Optimizer):
    """Optimizers of different parameters as one: one step, one state, one list of groups."""

    def __init__(self, *optimizers: Optimizer) -> None:
        groups = [group for part in optimizers for group in part.param_groups]
        super().__init__(groups, {})
        self.optimizers = optimizers
        self._share_state()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step with each."""
        for part in self.optimizers:
            part.step()
        return None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        super().load_state_dict(state_dict)
        self._share_state()

    def _share_state(self) -> None:
        """Let the parts act on the groups and the state that are here."""
        start = 0
        for part in self.optimizers:
            count = len(part.param_groups)
            part.param_groups = self.param_groups[start : start + count]
            part.state = self.state
            start += count


def make_optimizer(
    kind: OptimizerName,
    model: nn.Module,
    learning_rate: float,
    weight_decay: float,
    muon_lr: float = 0.02,
) -> Optimizer:
    """Return an optimizer of what is trained of a model.

    Weight decay is of matrices alone. `muon` makes the momentum of each matrix within the blocks
    orthogonal (Jordan et al., 2024, "Muon"), and takes steps of `muon_lr` along it; embeddings,
    heads and vectors are AdamW's, at `learning_rate`.

    Raises:
        ParameterError: an unknown kind, or a rate that is not positive.
    """
    if kind not in get_args(OptimizerName):
        raise ParameterError(f"optimizer={kind!r} is none of {', '.join(get_args(OptimizerName))}")
    if learning_rate <= 0 or muon_lr <= 0:
        raise ParameterError(
            f"learning_rate={learning_rate} and muon_lr={muon_lr} must be positive"
        )
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    embeddings_and_heads = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    embeddings_and_heads |= {id(p) for name, p in trained if name.startswith("head")}
    matrices = [p for _, p in trained if p.ndim == 2]
    vectors = [p for _, p in trained if p.ndim != 2]
    if kind == "sgd":
        return SGD(_param_groups(matrices, vectors), learning_rate, weight_decay=weight_decay)
    if kind == "adamw":
        return AdamW(
            _param_groups(matrices, vectors),
            learning_rate,
            betas=BETAS,
            weight_decay=weight_decay,
            fused=True,
        )
    hidden_matrices = [p for p in matrices if id(p) not in embeddings_and_heads]
    others = [p for p in matrices if id(p) in embeddings_and_heads]
    return CombinedOptimizer(
        Muon(hidden_matrices, muon_lr, weight_decay=weight_decay, adjust_lr_fn="original"),
        AdamW(
            _param_groups(others, vectors),
            learning_rate,
            betas=BETAS,
            weight_decay=weight_decay,
            fused=True,
        ),
    )


def _param_groups(
    matrices: list[nn.Parameter], vectors: list[nn.Parameter]
) -> list[dict[str, Any]]:
    return [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
