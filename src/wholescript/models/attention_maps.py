"""Attention maps of a small transformer encoder, and their rollout over layers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.models.transformer import Block, Transformer


@torch.inference_mode()
def attention_maps(transformer: Transformer, run_forward: Callable[[], object]) -> Tensor:
    """Return the attention weights for one text, (n_layer, n_head, length, length).

    Rows are queries and sum to 1. `run_forward` must run the transformer once, on a single text
    without padding, since no mask is applied here.

    Raises:
        ParameterError: positions are rotary, or attention is causal.
    """
    if transformer.positions != "sinusoidal" or transformer.causal:
        raise ParameterError(
            "attention maps need a bidirectional encoder with sinusoidal positions"
        )
    maps: list[Tensor] = []

    def record(_: nn.Module, __: object, qkv: Tensor) -> None:
        length = qkv.shape[1]
        query, key, _ = qkv.float().view(length, 3, -1, transformer.d_head).permute(1, 2, 0, 3)
        scores = query @ key.transpose(-1, -2) / transformer.d_head**0.5
        maps.append(scores.softmax(-1))

    blocks = [block for block in transformer.blocks if isinstance(block, Block)]
    hooks = [block.qkv.register_forward_hook(record) for block in blocks]
    try:
        run_forward()
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(maps)


def attention_rollout(maps: Tensor) -> Tensor:
    """Return how much each input position contributes to each final state, (length, length).

    Attention is averaged over heads, mixed equally with the identity for the residual connection,
    and multiplied over layers (Abnar and Zuidema, 2020, "Quantifying attention flow in
    transformers"). Rows are final states and sum to 1.
    """
    length = maps.shape[-1]
    rollout = torch.eye(length)
    for attention in maps.mean(1):
        rollout = (attention + torch.eye(length)) / 2 @ rollout
    return rollout
