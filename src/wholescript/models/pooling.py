"""Pooling of token states into one vector per sequence.

Masks are bool, (n, length), True for tokens; padding is on the right.
"""

import torch
from torch import Tensor

from wholescript.models.sizes import Pooling


def pool_tokens(states: Tensor, attention_mask: Tensor, pooling: Pooling) -> Tensor:
    """Return the state of the last token or the mean over tokens: (n, length, d) to (n, d)."""
    if pooling == "last":
        return last_token(states, attention_mask)
    weight = attention_mask.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)


def last_token(states: Tensor, attention_mask: Tensor) -> Tensor:
    """Return the state of the last token of each sequence: (n, length, d) to (n, d)."""
    last = attention_mask.sum(1) - 1
    return states[torch.arange(len(states), device=states.device), last]
