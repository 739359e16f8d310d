"""Aggregators: from the chunk vectors of a film to one logit.

Every aggregator maps `chunks` (batch, length, d_input) and `chunk_mask` (batch, length; True
where there is a chunk) to `AggregatorOutput`: one logit a film, or as many as its head has `n_outputs`, and
how much each chunk weighed. Films of one batch may differ in length; masked positions change
nothing.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wholescript.models.dropout import Dropout


class AggregatorOutput(NamedTuple):
    """`logits` (batch,), or (batch, outputs) where a head has several; `attention` (batch, length).

    Attention sums to 1 over a film's chunks.
    """

    logits: Tensor
    attention: Tensor


class GatedAttention(nn.Module):
    """Gated attention pooling (Ilse, Tomczak and Welling, 2018).

    A chunk's weight is softmax over the film of w . (tanh(V h) * sigmoid(U h)); order plays no
    part.
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
        self.head = nn.Sequential(Dropout(dropout), nn.Linear(d_model, n_outputs))

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Read a batch of films."""
        states = self.embed(chunks)
        gated = torch.tanh(self.tanh_gate(states)) * torch.sigmoid(self.sigmoid_gate(states))
        scores = self.weight(gated).squeeze(-1).masked_fill(~chunk_mask, float("-inf"))
        attention = scores.softmax(dim=1)
        film = torch.einsum("bl,bld->bd", attention, states)
        return AggregatorOutput(self.head(film).squeeze(-1), attention)


class DecoderBlock(nn.Module):
    """A pre-norm transformer decoder block: queries read each other, then the chunks."""

    def __init__(self, d_model: int, n_head: int, d_feedforward: int, dropout: float) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention = nn.MultiheadAttention(d_model, n_head, dropout, batch_first=True)
        self.norm_cross = nn.LayerNorm(d_model)
        self.cross_attention = nn.MultiheadAttention(d_model, n_head, dropout, batch_first=True)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, d_feedforward),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(d_feedforward, d_model),
        )
        self.dropout = Dropout(dropout)

    def forward(self, queries: Tensor, memory: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Return the new queries (batch, q, d) and the cross-attention (batch, q, length)."""
        normed = self.norm_self(queries)
        read, _ = self.self_attention(normed, normed, normed, need_weights=False)
        queries = queries + self.dropout(read)
        read, attention = self.cross_attention(
            self.norm_cross(queries), memory, memory, key_padding_mask=padding
        )
        queries = queries + self.dropout(read)
        return queries + self.dropout(self.feedforward(queries)), attention


class QueryDecoder(nn.Module):
    """A transformer decoder whose learned query reads the sequence of chunk embeddings.

    Width, heads, feed-forward width and depth are the aggregator's own, whatever encoder the
    chunks come from. More than one query is allowed; their mean is classified. Positions are
    sinusoids of the place in the script, from 0 at its first
    chunk to 1 at its last, so that films of any length share them.
    """

    def __init__(
        self,
        d_input: int,
        d_model: int = 64,
        n_head: int = 4,
        d_feedforward: int = 128,
        n_layer: int = 1,
        queries: int = 1,
        dropout: float = 0.3,
        n_outputs: int = 1,
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(d_input, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.queries = nn.Parameter(torch.randn(queries, d_model) / math.sqrt(d_model))
        self.blocks = nn.ModuleList(
            DecoderBlock(d_model, n_head, d_feedforward, dropout) for _ in range(n_layer)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(d_model), Dropout(dropout), nn.Linear(d_model, n_outputs)
        )
        self.dropout = Dropout(dropout)

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Read a batch of films."""
        memory = self.norm(self.embed(chunks))
        memory = self.dropout(
            memory + sinusoidal_positions(relative_positions(chunk_mask), memory.shape[-1])
        )
        queries = self.queries.expand(len(chunks), -1, -1)
        attention = chunk_mask.new_zeros((), dtype=memory.dtype)
        for block in self.blocks:
            queries, attention = block(queries, memory, ~chunk_mask)
        return AggregatorOutput(self.head(queries.mean(1)).squeeze(-1), attention.mean(1))


def relative_positions(chunk_mask: Tensor) -> Tensor:
    """Return each chunk's place in its script, (batch, length) from 0 to 1.

    The last chunk that is not masked stands at 1; masked ones before it keep their places.
    """
    steps = torch.arange(chunk_mask.shape[1], device=chunk_mask.device)
    last = (steps * chunk_mask).amax(1, keepdim=True).clamp(min=1)
    return (steps / last).clamp(max=1.0)


def sinusoidal_positions(place: Tensor, width: int) -> Tensor:
    """Return sinusoidal positions (Vaswani et al., 2017), (batch, length, width).

    Wavelengths run from twice the script down to a hundredth of it.
    """
    frequency = math.pi * torch.logspace(0, math.log10(200), width // 2, device=place.device)
    angle = place.unsqueeze(-1) * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
