"""Optimizers by name: AdamW, SGD, and Muon for hidden matrices with AdamW for all else."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import SGD, AdamW, Muon, Optimizer

from wholescript.settings import PositiveFloat, checked

OptimizerName = Literal["adamw", "sgd", "muon"]
BETAS = (0.9, 0.95)  # customary for language models; the default of AdamW is (0.9, 0.999)


class CombinedOptimizer(Optimizer):
    """Several optimizers of different parameters as one, with one state and one list of groups."""

    def __init__(self, *optimizers: Optimizer) -> None:
        groups = [group for part in optimizers for group in part.param_groups]
        super().__init__(groups, {})
        self.optimizers = optimizers
        self._share_state()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Step each optimizer."""
        for part in self.optimizers:
            part.step()
        return None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a result of `state_dict`."""
        super().load_state_dict(state_dict)
        self._share_state()

    def _share_state(self) -> None:
        """Make the optimizers use the parameter groups and the state of this one."""
        start = 0
        for part in self.optimizers:
            count = len(part.param_groups)
            part.param_groups = self.param_groups[start : start + count]
            part.state = self.state
            start += count


@checked
def make_optimizer(
    name: OptimizerName,
    model: nn.Module,
    learning_rate: PositiveFloat,
    weight_decay: float,
    muon_lr: PositiveFloat = 0.02,
) -> Optimizer:
    """Return an optimizer of the trainable parameters of a model.

    Weight decay applies to matrices only, not to biases and norms. `muon` orthogonalises the
    momentum of the matrices within the transformer blocks and steps with `muon_lr` (Jordan et al.,
    2024, "Muon"); embeddings, heads and vectors are trained by AdamW with `learning_rate`.

    Raises:
        ParameterError: an unknown name, or a learning rate that is not positive.
    """
    trained = [(key, p) for key, p in model.named_parameters() if p.requires_grad]
    embeddings_and_heads = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    embeddings_and_heads |= {id(p) for key, p in trained if key.startswith(("head", "untied_head"))}
    matrices = [p for _, p in trained if p.ndim == 2]
    vectors = [p for _, p in trained if p.ndim != 2]
    if name == "sgd":
        return SGD(_param_groups(matrices, vectors), learning_rate, weight_decay=weight_decay)
    if name == "adamw":
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
