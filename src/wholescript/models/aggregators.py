"""Aggregators: from the chunk vectors of a film to its logits (multiple-instance learning).

Every aggregator maps `chunks` (batch, length, d_input) and `chunk_mask` (batch, length; True for
chunks, False for padding or dropped chunks) to `AggregatorOutput`. Films of one batch may differ
in length; masked positions have no influence.
"""

import math
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from wholescript.models.dropout import FastDropout
from wholescript.models.transformer import Block, CrossAttentionBlock, LinearAttentionBlock


class AggregatorOutput(NamedTuple):
    """`logits` (batch,), or (batch, n_outputs) if there are several; `attention` (batch, length).

    Attention sums to 1 over a film's chunks.
    """

    logits: Tensor
    attention: Tensor


class GatedAttention(nn.Module):
    """Gated attention pooling (Ilse, Tomczak and Welling, 2018).

    The weight of a chunk h is the softmax over the film of w . (tanh(V h) * sigmoid(U h)). The
    order of chunks has no influence.
    """

    def __init__(
        self,
        d_input: int,
        d_model: int = 64,
        d_attention: int = 32,
        dropout: float = 0.3,
        n_outputs: int = 1,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(d_input, d_model), nn.GELU())
        self.tanh_gate = nn.Linear(d_model, d_attention)
        self.sigmoid_gate = nn.Linear(d_model, d_attention)
        self.weight = nn.Linear(d_attention, 1, bias=False)
        self.head = nn.Sequential(FastDropout(dropout), nn.Linear(d_model, n_outputs))

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Aggregate a batch of films."""
        states = self.embed(chunks)
        gated = torch.tanh(self.tanh_gate(states)) * torch.sigmoid(self.sigmoid_gate(states))
        scores = self.weight(gated).squeeze(-1).masked_fill(~chunk_mask, float("-inf"))
        attention = scores.softmax(dim=1)
        film = torch.einsum("bl,bld->bd", attention, states)
        return AggregatorOutput(self.head(film).squeeze(-1), attention)


class TransformerAggregator(nn.Module):
    """A transformer encoder over the sequence of chunks, then the mean over chunks.

    `d_model`, `n_head`, `d_feedforward` and `n_layer` are independent of the chunk encoder.
    Positions are sinusoids of the relative position in the script. `attention` is uniform.
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
        self.head = nn.Sequential(
            nn.LayerNorm(d_model), FastDropout(dropout), nn.Linear(d_model, 1)
        )
        self.dropout = FastDropout(dropout)

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Aggregate a batch of films."""
        states = self.dropout(add_positions(self.embed(chunks), chunk_mask))
        for block in self.blocks:
            states = block(states, chunk_mask[:, None, None, :], None)
        attention = chunk_mask / chunk_mask.sum(1, keepdim=True)
        film = torch.einsum("bl,bld->bd", attention, states)
        return AggregatorOutput(self.head(film).squeeze(-1), attention)


class LinearAttentionAggregator(TransformerAggregator):
    """`TransformerAggregator` with linear attention: linear in the number of chunks."""

    block = LinearAttentionBlock


class QueryAggregator(nn.Module):
    """A transformer decoder whose learned queries attend to the sequence of chunks.

    `d_model`, `n_head`, `d_feedforward` and `n_layer` are independent of the chunk encoder. The
    mean over `n_queries` queries is classified. Positions are sinusoids of the relative position
    in the script, so that films of any length share them.
    """

    def __init__(
        self,
        d_input: int,
        d_model: int = 64,
        n_head: int = 4,
        d_feedforward: int = 128,
        n_layer: int = 1,
        n_queries: int = 1,
        dropout: float = 0.3,
        n_outputs: int = 1,
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(d_input, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.queries = nn.Parameter(torch.randn(n_queries, d_model) / math.sqrt(d_model))
        self.blocks = nn.ModuleList(
            CrossAttentionBlock(d_model, n_head, d_feedforward, dropout) for _ in range(n_layer)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(d_model), FastDropout(dropout), nn.Linear(d_model, n_outputs)
        )
        self.dropout = FastDropout(dropout)

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Aggregate a batch of films."""
        memory = self.dropout(add_positions(self.norm(self.embed(chunks)), chunk_mask))
        queries = self.queries.expand(len(chunks), -1, -1)
        attention = chunk_mask.new_zeros((), dtype=memory.dtype)
        for block in self.blocks:
            queries, attention = block(queries, memory, ~chunk_mask)
        return AggregatorOutput(self.head(queries.mean(1)).squeeze(-1), attention.mean(1))


def add_positions(states: Tensor, chunk_mask: Tensor) -> Tensor:
    """Add sinusoids of the relative positions of chunks to states (batch, length, d)."""
    return states + sinusoidal_positions(relative_positions(chunk_mask), states.shape[-1])


def relative_positions(chunk_mask: Tensor) -> Tensor:
    """Return the position of each chunk in its script, (batch, length), from 0 to 1.

    The last unmasked chunk is at 1; masked chunks before it count.
    """
    steps = torch.arange(chunk_mask.shape[1], device=chunk_mask.device)
    last = (steps * chunk_mask).amax(1, keepdim=True).clamp(min=1)
    return (steps / last).clamp(max=1.0)


def sinusoidal_positions(relative_position: Tensor, d_model: int) -> Tensor:
    """Return sinusoidal positions (Vaswani et al., 2017), (batch, length, d_model).

    Wavelengths range from twice the script's length down to a hundredth of it.
    """
    device = relative_position.device
    frequency = math.pi * torch.logspace(0, math.log10(200), d_model // 2, device=device)
    angle = relative_position.unsqueeze(-1) * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


Architecture = Literal[
    "gated_attention", "query_decoder", "transformer_encoder", "linear_attention"
]
AGGREGATORS: dict[str, type[nn.Module]] = {
    "gated_attention": GatedAttention,
    "query_decoder": QueryAggregator,
    "transformer_encoder": TransformerAggregator,
    "linear_attention": LinearAttentionAggregator,
}
"""Aggregators by the name in settings: a new one is added here and in `Architecture`."""
