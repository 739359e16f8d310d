"""A pre-norm transformer, small enough to be read: blocks, positions, masks.

The model of every encoder that is trained from scratch here; what it reads, tokens or chunk
vectors, is its caller's business.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from wholescript.errors import ParameterError
from wholescript.models.attention import dot_product_attention
from wholescript.models.dropout import Dropout

Positions = Literal["sinusoidal", "rotary"]
MAX_WAVELENGTH = 10_000.0  # of sinusoids and rotations alike, as in Vaswani et al. (2017)


class Block(nn.Module):
    """Self-attention, then a feed-forward layer, each behind a layer norm and added back."""

    def __init__(self, d_model: int, n_head: int, d_feedforward: int, dropout: float) -> None:
        super().__init__()
        self.n_head = n_head
        self.norm_attention = nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out_proj = nn.Linear(d_model, d_model)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, d_feedforward),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(d_feedforward, d_model),
        )
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor, rotary_angles: Tensor | None) -> Tensor:
        """Map (n, length, d_model) to the same; `mask` (n or 1, 1, length, length) allows pairs."""
        n, length, _ = states.shape
        qkv = self.qkv(self.norm_attention(states)).view(n, length, 3, self.n_head, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if rotary_angles is not None:
            query, key = apply_rotary(query, rotary_angles), apply_rotary(key, rotary_angles)
        read = self.read(query, key, value, mask)
        states = states + self.dropout(self.out_proj(read.transpose(1, 2).reshape(n, length, -1)))
        return states + self.dropout(self.feedforward(states))

    def read(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Return what each query reads, (n, heads, length, d_head), as are query, key and value."""
        return dot_product_attention(query, key, value, mask)


class LinearAttentionBlock(Block):
    """A block with linear attention (Katharopoulos et al., 2020); every position reads all.

    With the feature map f(x) = elu(x) + 1, what is read is f(q) . sum f(k) v / f(q) . sum f(k):
    two sums over the sequence, so that time and memory grow with its length and not its square.
    """

    def read(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Return what each query reads; `mask` (n, 1, 1, length) allows the same keys to all."""
        query, key = elu(query) + 1, (elu(key) + 1) * mask.transpose(-1, -2)
        memory = key.transpose(-1, -2) @ value
        weight = query @ key.sum(-2).unsqueeze(-1)
        return query @ memory / weight


class Transformer(nn.Module):
    """`n_layer` blocks over a sequence of vectors, and a last layer norm.

    Sinusoidal positions are added to the input (Vaswani et al., 2017); rotary ones turn queries
    and keys in every block (Su et al., 2021). With `causal` no position reads a later one.
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
                f"d_model={d_model} must be a multiple of twice n_head={n_head}: positions take the "
                "dimensions of a head in pairs"
            )
        self.positions = positions
        self.causal = causal
        self.d_head = d_model // n_head
        self.blocks = nn.ModuleList(
            Block(d_model, n_head, d_feedforward, dropout) for _ in range(n_layer)
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Map (n, length, d_model) to the same; `mask` (n, length) is True where there is one.

        What stands at masked positions is undefined and influences nothing else.
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
            wave = position_angles(length, states.shape[-1], states.device)
            states = states + torch.cat([wave.sin(), wave.cos()], dim=-1).to(states.dtype)
        for block in self.blocks:
            states = block(states, attn_mask, rotary_angles)
        return self.norm(states)


def position_angles(length: int, d: int, device: torch.device) -> Tensor:
    """Return the angle of each position in each pair of dimensions, (length, width / 2)."""
    steps = torch.arange(d // 2, device=device, dtype=torch.float32) / (d // 2)
    frequencies = torch.exp(-math.log(MAX_WAVELENGTH) * steps)
    return torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequencies


def apply_rotary(vectors: Tensor, angle: Tensor) -> Tensor:
    """Turn (..., length, width) vectors by their angles: dot products then tell distances only."""
    first, second = vectors.float().chunk(2, dim=-1)
    sin, cos = angle.sin(), angle.cos()
    turned = torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    return turned.to(vectors.dtype)
