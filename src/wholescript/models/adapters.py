"""Which weights of a pretrained decoder are trained: all, LoRA adapters, upper layers, or none."""

from typing import Any, Literal

import torch
from peft import LoraConfig, get_peft_model, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers.pytorch_utils import Conv1D

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import Decoder
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.models.causal_lm import CausalLM
from wholescript.models.dropout import Dropout
from wholescript.settings import DropoutRate, PositiveInt, checked

Tuning = Literal["full", "lora", "frozen"]
LLAMA_LINEAR_MODULES = r".*_proj"  # the linear layers of a Llama block


@checked
def prepare_for_tuning(
    decoder: Decoder,
    tuning: Tuning,
    *,
    lora_rank: PositiveInt = 8,
    lora_alpha: PositiveInt = 16,
    dropout: DropoutRate = 0.1,
) -> Any:
    """Return the blocks of a decoder, changed in place, with the weights to be trained unfrozen.

    `full` trains all weights. `lora` adds adapters of rank `lora_rank`, scaled by
    `lora_alpha` / `lora_rank`, to every linear layer and trains only these (Hu et al., 2021).
    `frozen` trains none.

    Raises:
        ParameterError: an unknown tuning, or a `lora_rank` or `lora_alpha` below 1.
    """
    base: Any = decoder.model.base_model
    base.requires_grad_(tuning == "full")
    if tuning == "lora":
        adapters = LoraConfig(
            r=lora_rank,
            lora_alpha=lora_alpha,
            lora_dropout=dropout,
            target_modules="all-linear",
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
        )
        with quiet_loading():  # peft reads an attribute that transformers has deprecated
            base = get_peft_model(base, adapters)
        _replace_dropout(base)
    if not torch.cuda.is_available():
        # On a CPU the backward pass of the fused kernel takes three times as long as eager.
        decoder.model.set_attn_implementation("eager")
    return base


def unfreeze_above(
    model: CausalLM,
    n_shared_layers: int,
    tuning: Tuning = "full",
    *,
    lora_rank: int = 8,
    lora_alpha: int = 16,
) -> None:
    """Freeze a Llama except the layers above the first `n_shared_layers` and the final norm.

    Of the upper layers, `full` trains all weights and `lora` trains adapters without dropout.

    Raises:
        ParameterError: the model is not a Llama, or `n_shared_layers` leaves no layer below or
            above.
    """
    blocks = getattr(model.base, "layers", None)
    if blocks is None or not hasattr(model.base, "norm"):
        raise ParameterError(
            f"a {type(model.base).__name__} cannot have a shared trunk: use a Llama model"
        )
    if not 1 <= n_shared_layers < len(blocks):
        raise ParameterError(
            f"n_shared_layers={n_shared_layers}: a model of {len(blocks)} layers can share 1 to "
            f"{len(blocks) - 1}"
        )
    model.model.requires_grad_(False)
    if tuning == "lora":
        adapters = LoraConfig(
            r=lora_rank, lora_alpha=lora_alpha, target_modules=LLAMA_LINEAR_MODULES
        )
        for block in blocks[n_shared_layers:]:
            inject_adapter_in_model(adapters, block)
    else:
        blocks[n_shared_layers:].requires_grad_(True)
    model.base.norm.requires_grad_(True)


def merge_adapters(model: nn.Module) -> None:
    """Merge LoRA adapters into the weights: the same outputs, computed faster."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and not module.merged:
            module.merge()


def _replace_dropout(model: nn.Module) -> None:
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))
