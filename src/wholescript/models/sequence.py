"""Aggregators that let chunks read each other before they are averaged.

Shapes as in `models.aggregators`.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from wholescript.models.aggregators import (
    AggregatorOutput,
    relative_positions,
    sinusoidal_positions,
)
from wholescript.models.dropout import Dropout
from wholescript.models.transformer import Block, LinearAttentionBlock


class TransformerEncoder(nn.Module):
    """A transformer encoder over the sequence of chunks, whose states are averaged.

    Width, heads, feed-forward width and depth are the aggregator's own; positions are sinusoids of
    the place in the script. All chunks weigh the same in the mean, and `attention` says so.
    """

    block: ClassVar[type[Block]] = Block

    def __init__(
        self,
        d_input: int,
        d_model: int = 64,
        n_head: int = 4,
        d_feedforward: int = 128,
        n_layer: int = 1,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(d_input, d_model), nn.LayerNorm(d_model))
        self.blocks = nn.ModuleList(
            self.block(d_model, n_head, d_feedforward, dropout) for _ in range(n_layer)
        )
        self.head = nn.Sequential(nn.LayerNorm(d_model), Dropout(dropout), nn.Linear(d_model, 1))
        self.dropout = Dropout(dropout)

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Read a batch of films."""
        states = self.embed(chunks)
        states = self.dropout(
            states + sinusoidal_positions(relative_positions(chunk_mask), states.shape[-1])
        )
        for block in self.blocks:
            states = block(states, chunk_mask[:, None, None, :], None)
        attention = chunk_mask / chunk_mask.sum(1, keepdim=True)
        film = torch.einsum("bl,bld->bd", attention, states)
        return AggregatorOutput(self.head(film).squeeze(-1), attention)


class LinearAttentionEncoder(TransformerEncoder):
    """The same with linear attention, for scripts of any length."""

    block = LinearAttentionBlock
