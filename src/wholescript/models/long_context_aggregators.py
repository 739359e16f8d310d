"""Longformer and Mamba-2 as aggregators: from the chunk vectors of a film to its logit.

Inputs and outputs are those of `aggregators`; a chunk is what a token is elsewhere. Chunks that are
masked in training are taken out, so a film gets shorter.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.dropout import FastDropout
from wholescript.models.long_context import longformer, longformer_states, mamba2, token_states
from wholescript.models.pooling import pool_tokens

MAX_CHUNKS = 512
"""Chunks that the learned positions of Longformer reach; the longest film has fewer."""


class LongformerAggregator(nn.Module):
    """A Longformer over a learned global vector and the sequence of chunks.

    The state of the global vector is classified. Positions are learned. `attention` is uniform.
    """

    def __init__(
        self,
        d_input: int,
        d_model: int = 64,
        n_head: int = 4,
        d_feedforward: int = 128,
        n_layer: int = 2,
        attention_window: int = 32,
        max_chunks: int = MAX_CHUNKS,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(d_input, d_model), nn.LayerNorm(d_model))
        self.max_chunks = max_chunks
        self.global_vector = nn.Parameter(torch.randn(d_model))
        self.longformer = longformer(
            1,
            d_model=d_model,
            n_head=n_head,
            d_feedforward=d_feedforward,
            n_layer=n_layer,
            attention_window=attention_window,
            max_tokens=max_chunks + 1,
            dropout=dropout,
        )
        self.longformer.set_input_embeddings(nn.Identity())  # there are no tokens
        self.head = nn.Sequential(FastDropout(dropout), nn.Linear(d_model, 1))

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Aggregate a batch of films; raise ParameterError for one of too many chunks."""
        if chunks.shape[1] > self.max_chunks:
            raise ParameterError(
                f"a film has {chunks.shape[1]} chunks; Longformer reaches max_chunks="
                f"{self.max_chunks}: use longer chunks, or aggregator_options with more"
            )
        kept, mask, places = pack(chunks, chunk_mask)
        n_films = len(kept)
        states = torch.cat([self.global_vector.expand(n_films, 1, -1), self.embed(kept)], 1)
        mask = torch.cat([mask.new_ones(n_films, 1), mask], 1)
        # Position 0 is that of padding, 1 that of the global vector.
        positions = torch.cat([places.new_zeros(n_films, 1), places + 1], 1) + 1
        states = longformer_states(
            self.longformer, mask, inputs_embeds=states, position_ids=positions
        )
        return AggregatorOutput(self.head(states[:, 0]).squeeze(-1), uniform_attention(chunk_mask))


class Mamba2Aggregator(nn.Module):
    """Mamba-2 over the sequence of chunks, then the mean over chunks; `attention` is uniform.

    It has no position embeddings: the order enters by the recurrence, from first to last chunk.
    """

    def __init__(
        self,
        d_input: int,
        d_model: int = 64,
        n_head: int = 4,
        d_state: int = 16,
        n_layer: int = 2,
        chunk_size: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(d_input, d_model), nn.LayerNorm(d_model))
        self.dropout = FastDropout(dropout)
        self.mamba2 = mamba2(
            1,
            d_model=d_model,
            n_head=n_head,
            d_state=d_state,
            n_layer=n_layer,
            chunk_size=chunk_size,
        )
        self.mamba2.set_input_embeddings(nn.Identity())  # there are no tokens
        self.head = nn.Sequential(FastDropout(dropout), nn.Linear(d_model, 1))

    def forward(self, chunks: Tensor, chunk_mask: Tensor) -> AggregatorOutput:
        """Aggregate a batch of films."""
        kept, mask, _ = pack(chunks, chunk_mask)
        states = token_states(self.mamba2, mask, inputs_embeds=self.dropout(self.embed(kept)))
        film = pool_tokens(states, mask, "mean")
        return AggregatorOutput(self.head(film).squeeze(-1), uniform_attention(chunk_mask))


def pack(chunks: Tensor, chunk_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Take out masked chunks: (batch, length, d) to (batch, kept, d), in order.

    Also returned are the mask of the rest (batch, kept), True for chunks, with padding on the
    right, and the place that each had, (batch, kept) int64; it is 0 for padding.
    """
    counts = chunk_mask.sum(1)
    longest = int(counts.max())
    places = (~chunk_mask).long().argsort(dim=1, stable=True)[:, :longest]
    kept = chunks.gather(1, places.unsqueeze(-1).expand(-1, -1, chunks.shape[-1]))
    mask = torch.arange(longest, device=chunks.device) < counts[:, None]
    return kept.masked_fill(~mask.unsqueeze(-1), 0.0), mask, places.masked_fill(~mask, 0)


def uniform_attention(chunk_mask: Tensor) -> Tensor:
    """Return equal weights of all chunks of a film, (batch, length)."""
    return chunk_mask / chunk_mask.sum(1, keepdim=True)


LongContextArchitecture = Literal["longformer", "mamba2"]
LONG_CONTEXT_AGGREGATORS: dict[str, type[nn.Module]] = {
    "longformer": LongformerAggregator,
    "mamba2": Mamba2Aggregator,
}
"""Aggregators by the name in settings of `LongContextMILClassifier`."""
