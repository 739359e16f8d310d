"""Scaled dot-product attention of several heads, with rotary positions as an option."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

MAX_WAVELENGTH = 10_000.0  # of sinusoidal and rotary positions, as in Vaswani et al. (2017)


def dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor) -> Tensor:
    """Return the attention output (n, n_head, length, d_head), as are query, key and value.

    `attn_mask` is bool, True where a query may attend, and broadcasts to (n, n_head, length,
    length); each query must attend to at least one key. In half precision on a CPU the matrices
    are multiplied explicitly: torch's fused kernel takes up to five times as long there for
    sequences of a few hundred tokens.
    """
    if query.device.type != "cpu" or query.dtype == torch.float32:
        return scaled_dot_product_attention(query, key, value, attn_mask)
    bias = torch.zeros(attn_mask.shape, dtype=query.dtype).masked_fill(~attn_mask, -torch.inf)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2) + bias
    return scores.softmax(-1) @ value


def multi_head_attention(
    qkv: Tensor,
    n_head: int,
    attn_mask: Tensor,
    rotary_angles: Tensor | None = None,
    attention: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = dot_product_attention,
) -> Tensor:
    """Return the output of all heads, (n, length, d_model), from `qkv` (n, length, 3 d_model).

    `rotary_angles`, those of `position_angles` for the dimension of a head, rotate queries and keys
    (Su et al., 2021).
    """
    n, length, _ = qkv.shape
    query, key, value = qkv.view(n, length, 3, n_head, -1).permute(2, 0, 3, 1, 4)
    if rotary_angles is not None:
        query, key = apply_rotary(query, rotary_angles), apply_rotary(key, rotary_angles)
    return attention(query, key, value, attn_mask).transpose(1, 2).reshape(n, length, -1)


def position_angles(length: int, d: int, device: torch.device) -> Tensor:
    """Return the angle of each position for each pair of `d` dimensions, (length, d / 2)."""
    steps = torch.arange(d // 2, device=device, dtype=torch.float32) / (d // 2)
    frequencies = torch.exp(-math.log(MAX_WAVELENGTH) * steps)
    return torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequencies


def apply_rotary(vectors: Tensor, angle: Tensor) -> Tensor:
    """Rotate (..., length, d) vectors: dot products then depend on relative positions only."""
    first, second = vectors.float().chunk(2, dim=-1)
    sin, cos = angle.sin(), angle.cos()
    rotated = torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    return rotated.to(vectors.dtype)
