"""What of a pretrained decoder is trained: all of it, low-rank matrices beside it, or nothing."""

from typing import Any, Literal, get_args

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import Decoder
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.models.dropout import Dropout

Tuning = Literal["full", "lora", "frozen"]


def prepare_for_tuning(
    decoder: Decoder, tuning: Tuning, *, rank: int = 8, alpha: int = 16, dropout: float = 0.1
) -> Any:
    """Return the blocks of a decoder, changed in place, with what is to be trained.

    `full` trains all weights; `lora` adds matrices of rank `rank` to every linear layer, scaled by
    `alpha` / `rank`, and trains these alone (Hu et al., 2021); `frozen` trains none.

    Raises:
        ParameterError: an unknown tuning, or a rank or an alpha below 1.
    """
    if tuning not in get_args(Tuning):
        raise ParameterError(f"tuning={tuning!r} is none of {', '.join(get_args(Tuning))}")
    if rank < 1 or alpha < 1:
        raise ParameterError(f"rank={rank} and alpha={alpha} must be at least 1")
    base: Any = decoder.model.base_model
    base.requires_grad_(tuning == "full")
    if tuning == "lora":
        adapters = LoraConfig(
            r=rank,
            lora_alpha=alpha,
            lora_dropout=dropout,
            target_modules="all-linear",
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
        )
        with quiet_loading():  # peft looks at the attribute that transformers renames
            base = get_peft_model(base, adapters)
        _replace_dropout(base)
    if not torch.cuda.is_available():
        # A fused kernel saves memory, but its backward pass takes a CPU three times as long.
        decoder.model.set_attn_implementation("eager")
    return base


def _replace_dropout(model: nn.Module) -> None:
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))
