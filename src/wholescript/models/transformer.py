"""Pre-norm transformer blocks, and a transformer with sinusoidal or rotary positions.

All encoders that are trained from scratch in this package, over tokens or over chunk vectors, are
built from these blocks. Those of `gpt` share the attention, but have other options, another order
of initialisation and other names of weights.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from wholescript.errors import ParameterError
from wholescript.models.attention import (
    dot_product_attention,
    multi_head_attention,
    position_angles,
)
from wholescript.models.dropout import FastDropout

Positions = Literal["sinusoidal", "rotary"]


def build_feedforward(d_model: int, d_feedforward: int, dropout: float) -> nn.Sequential:
    """Return a feed-forward layer with a layer norm before it."""
    return nn.Sequential(
        nn.LayerNorm(d_model),
        nn.Linear(d_model, d_feedforward),
        nn.GELU(),
        FastDropout(dropout),
        nn.Linear(d_feedforward, d_model),
    )


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each with a layer norm before and a residual."""

    def __init__(self, d_model: int, n_head: int, d_feedforward: int, dropout: float) -> None:
        super().__init__()
        self.n_head = n_head
        self.norm_attention = nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out_proj = nn.Linear(d_model, d_model)
        self.feedforward = build_feedforward(d_model, d_feedforward, dropout)
        self.dropout = FastDropout(dropout)

    def forward(self, states: Tensor, mask: Tensor, rotary_angles: Tensor | None) -> Tensor:
        """Map (n, length, d_model) to the same shape.

        `mask` broadcasts to (n, n_head, length, length) and is True where a query may attend.
        """
        qkv = self.qkv(self.norm_attention(states))
        attended = multi_head_attention(qkv, self.n_head, mask, rotary_angles, self.attention)
        states = states + self.dropout(self.out_proj(attended))
        return states + self.dropout(self.feedforward(states))

    def attention(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Return the attention output, (n, n_head, length, d_head), as are query, key and value."""
        return dot_product_attention(query, key, value, mask)


class LinearAttentionBlock(Block):
    """A block with linear attention (Katharopoulos et al., 2020), without causal masking.

    With the feature map f(x) = elu(x) + 1 the output is f(q) . sum f(k) v / f(q) . sum f(k). Time
    and memory grow linearly with the length of the sequence.
    """

    def attention(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Return the attention output; `mask` (n, 1, 1, length) is one key mask for all queries."""
        query, key = elu(query) + 1, (elu(key) + 1) * mask.transpose(-1, -2)
        memory = key.transpose(-1, -2) @ value
        weight = query @ key.sum(-2).unsqueeze(-1)
        return query @ memory / weight


class CrossAttentionBlock(nn.Module):
    """A pre-norm decoder block: self-attention of queries, then cross-attention to the chunks."""

    def __init__(self, d_model: int, n_head: int, d_feedforward: int, dropout: float) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention = nn.MultiheadAttention(d_model, n_head, dropout, batch_first=True)
        self.norm_cross = nn.LayerNorm(d_model)
        self.cross_attention = nn.MultiheadAttention(d_model, n_head, dropout, batch_first=True)
        self.feedforward = build_feedforward(d_model, d_feedforward, dropout)
        self.dropout = FastDropout(dropout)

    def forward(self, queries: Tensor, memory: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Return new queries (batch, n_queries, d) and cross-attention (batch, n_queries, length).

        `memory` (batch, length, d) are the chunks; `padding` (batch, length) is True where masked.
        """
        normed = self.norm_self(queries)
        attended, _ = self.self_attention(normed, normed, normed, need_weights=False)
        queries = queries + self.dropout(attended)
        attended, attention = self.cross_attention(
            self.norm_cross(queries), memory, memory, key_padding_mask=padding
        )
        queries = queries + self.dropout(attended)
        return queries + self.dropout(self.feedforward(queries)), attention


class Transformer(nn.Module):
    """`n_layer` blocks over a sequence of vectors, and a final layer norm.

    Sinusoidal positions are added to the input (Vaswani et al., 2017); rotary positions rotate
    queries and keys in every block (Su et al., 2021). With `causal`, a position attends to itself
    and earlier positions only.
    """

    def __init__(
        self,
        d_model: int,
        n_head: int,
        d_feedforward: int,
        n_layer: int,
        *,
        positions: Positions = "sinusoidal",
        causal: bool = False,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if d_model % (2 * n_head):
            raise ParameterError(
                f"d_model={d_model} must be a multiple of twice n_head={n_head}: positions use "
                "pairs of dimensions of each head"
            )
        self.positions = positions
        self.causal = causal
        self.d_head = d_model // n_head
        self.blocks = nn.ModuleList(
            Block(d_model, n_head, d_feedforward, dropout) for _ in range(n_layer)
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Map (n, length, d_model) to the same shape; `mask` (n, length) is False for padding.

        The output at padded positions is undefined and does not influence other positions.
        """
        length = states.shape[1]
        attn_mask = mask[:, None, None, :]
        if self.causal:
            square = torch.ones(length, length, dtype=torch.bool, device=states.device)
            attn_mask = attn_mask & square.tril()
        rotary_angles = None
        if self.positions == "rotary":
            rotary_angles = position_angles(length, self.d_head, states.device)
        else:
            angles = position_angles(length, states.shape[-1], states.device)
            states = states + torch.cat([angles.sin(), angles.cos()], dim=-1).to(states.dtype)
        for block in self.blocks:
            states = block(states, attn_mask, rotary_angles)
        return self.norm(states)
