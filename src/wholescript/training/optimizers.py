"""Optimizers by name, several of which can act as one: matrices by Muon, all else by AdamW."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.optim import SGD, AdamW, Muon, Optimizer

from wholescript.errors import ParameterError

Kind = Literal["adamw", "sgd", "muon"]
BETAS = (0.9, 0.95)  # a shorter memory than usual, as language models are trained with


class Together(Optimizer):
    """Optimizers of different parameters as one: one step, one state, one list of groups."""

    def __init__(self, *parts: Optimizer) -> None:
        groups = [group for part in parts for group in part.param_groups]
        super().__init__(groups, {})
        self.parts = parts
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step with each."""
        for part in self.parts:
            part.step()
        return None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Let the parts act on the groups and the state that are here."""
        start = 0
        for part in self.parts:
            count = len(part.param_groups)
            part.param_groups = self.param_groups[start : start + count]
            part.state = self.state
            start += count


def optimizer_of(
    kind: Kind, model: nn.Module, rate: float, weight_decay: float, matrix_rate: float = 0.02
) -> Optimizer:
    """Return an optimizer of what is trained of a model.

    Weight decay is of matrices alone. `muon` makes the momentum of each matrix within the blocks
    orthogonal (Jordan et al., 2024, "Muon"), and takes steps of `matrix_rate` along it; embeddings,
    heads and vectors are AdamW's, at `rate`.

    Raises:
        ParameterError: an unknown kind, or a rate that is not positive.
    """
    if kind not in get_args(Kind):
        raise ParameterError(f"optimizer={kind!r} is none of {', '.join(get_args(Kind))}")
    if rate <= 0 or matrix_rate <= 0:
        raise ParameterError(f"rate={rate} and matrix_rate={matrix_rate} must be positive")
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    tables |= {id(p) for name, p in trained if name.startswith("head")}
    matrices = [p for _, p in trained if p.ndim == 2]
    vectors = [p for _, p in trained if p.ndim != 2]
    if kind == "sgd":
        return SGD(_groups(matrices, vectors), rate, weight_decay=weight_decay)
    if kind == "adamw":
        return AdamW(
            _groups(matrices, vectors), rate, betas=BETAS, weight_decay=weight_decay, fused=True
        )
    within = [p for p in matrices if id(p) not in tables]
    others = [p for p in matrices if id(p) in tables]
    return Together(
        Muon(within, matrix_rate, weight_decay=weight_decay, adjust_lr_fn="original"),
        AdamW(_groups(others, vectors), rate, betas=BETAS, weight_decay=weight_decay, fused=True),
    )


def _groups(matrices: list[nn.Parameter], vectors: list[nn.Parameter]) -> list[dict[str, Any]]:
    return [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
