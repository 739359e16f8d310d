"""What each position of a small transformer attends to, block by block, and through all of them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.models.transformer import Block, Transformer


@torch.inference_mode()
def attention_maps(transformer: Transformer, run_forward: Callable[[], object]) -> Tensor:
    """Return the attention of the one text that `read()` shows it, (layers, heads, length, length).

    A row is of the position that attends, and adds up to 1. `run_forward` runs the transformer once, on a
    text without padding: an attention that is not masked is what the queries and keys say.

    Raises:
        ParameterError: the positions are rotary, or some may not be read.
    """
    if transformer.positions != "sinusoidal" or transformer.causal:
        raise ParameterError("attention is shown of encoders with sinusoidal positions")
    found: list[Tensor] = []

    def record(_: nn.Module, __: object, qkv: Tensor) -> None:
        length = qkv.shape[1]
        query, key, _ = qkv.float().view(length, 3, -1, transformer.d_head).permute(1, 2, 0, 3)
        scores = query @ key.transpose(-1, -2) / transformer.d_head**0.5
        found.append(scores.softmax(-1))

    blocks = [block for block in transformer.blocks if isinstance(block, Block)]
    hooks = [block.qkv.register_forward_hook(record) for block in blocks]
    try:
        run_forward()
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(found)


def attention_rollout(maps: Tensor) -> Tensor:
    """Return how much of each position reaches each last state, (length, length); rows add up to 1.

    Attention is followed through the blocks, the mean over heads, and half of every state is what
    it was before (Abnar and Zuidema, 2020, "Quantifying attention flow in transformers").
    """
    length = maps.shape[-1]
    reached = torch.eye(length)
    for attention in maps.mean(1):
        reached = (attention + torch.eye(length)) / 2 @ reached
    return reached
