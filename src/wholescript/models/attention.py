"""What queries read of values by their keys, in the way that the machine at hand is quick at."""

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor) -> Tensor:
    """Return what each query reads (n, heads, length, d_head), as are query, key and value.

    `attn_mask` is bool and broadcasts to (n, heads, length, length); each query may read something.
    In half precision a CPU multiplies the matrices one after the other: torch's fused kernel takes
    up to five times as long there, where sequences have some hundred tokens.
    """
    if query.device.type != "cpu" or query.dtype == torch.float32:
        return scaled_dot_product_attention(query, key, value, attn_mask)
    bias = torch.zeros(attn_mask.shape, dtype=query.dtype).masked_fill(~attn_mask, -torch.inf)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2) + bias
    return scores.softmax(-1) @ value
