"""Checkpoints without pickle: tensors and JSON metadata in one safetensors file."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from wholescript.files import write_atomic
from wholescript.training.progress import METADATA_KEY, read_metadata


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    best_state: dict[str, Tensor],
    metadata: dict[str, Any],
) -> None:
    """Write trained weights, best weights, optimizer state and JSON-able `metadata` atomically."""
    tensors = {f"model.{name}": value for name, value in trainable_state_dict(model).items()}
    tensors |= {f"best.{name}": value for name, value in best_state.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_atomic(path, save(contiguous, metadata={METADATA_KEY: json.dumps(metadata)}))


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Restore model and optimizer; return the best weights and the metadata.

    Returns None, and changes nothing, if the file is absent or damaged.
    """
    metadata = read_metadata(path)
    if metadata is None:
        return None
    tensors = load_file(path)
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in parts["optimizer"].items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    load_trainable_state_dict(model, parts["model"])
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
    return parts["best"], metadata


def trainable_state_dict(model: nn.Module) -> dict[str, Tensor]:
    """Return the state of a model without its frozen parameters: checkpoints stay small."""
    frozen = {name for name, value in model.named_parameters() if not value.requires_grad}
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


def load_trainable_state_dict(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Load a result of `trainable_state_dict`; raises RuntimeError if parameter names differ."""
    expected = set(trainable_state_dict(model))
    if expected != set(state):
        raise RuntimeError(f"the state dict differs in {sorted(expected ^ set(state))[:5]}")
    model.load_state_dict(state, strict=False)
