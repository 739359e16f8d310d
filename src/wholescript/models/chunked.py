"""Chunked classifiers: a chunk encoder, a sequence model over the chunks, one logit a film."""

from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.dropout import Dropout
from wholescript.models.transformer import Positions, Transformer

Pooling = Literal["last", "mean"]


class ChunkModule(Protocol):
    """Maps `input_ids` and `attention_mask`, (n, length) each, to vectors (n, d)."""

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode n chunks."""


class ScratchEncoder(nn.Module):
    """A transformer over the tokens of a chunk, to be trained from scratch.

    With `causal` it reads left to right, without it each token reads all. A chunk is the state of
    its last token, or the mean of its states; by default the one that goes with the reading.
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int = 128,
        n_head: int = 4,
        d_feedforward: int = 512,
        n_layer: int = 2,
        *,
        positions: Positions = "sinusoidal",
        causal: bool = False,
        pooling: Pooling | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.d_model = d_model
        self.pooling = pooling or ("last" if causal else "mean")
        self.embed = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embed.weight, std=d_model**-0.5)
        self.dropout = Dropout(dropout)
        self.transformer = Transformer(
            d_model,
            n_head,
            d_feedforward,
            n_layer,
            positions=positions,
            causal=causal,
            dropout=dropout,
        )

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the state of each token, (n, length, d_model)."""
        scale = self.d_model**0.5
        return self.transformer(self.dropout(self.embed(input_ids) * scale), attention_mask)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (n, length) ids and mask (bool, True on the left) to (n, d_model)."""
        states = self.states(input_ids, attention_mask)
        if self.pooling == "last":
            last = attention_mask.sum(1) - 1
            return states[torch.arange(len(states), device=states.device), last]
        weight = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * weight).sum(1) / weight.sum(1)


class MaskedLanguageModel(nn.Module):
    """An encoder that is asked for hidden tokens; its embedding also reads them out."""

    def __init__(self, encoder: ScratchEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.vocab_size = encoder.embed.num_embeddings
        self.transform = nn.Sequential(
            nn.Linear(encoder.d_model, encoder.d_model), nn.GELU(), nn.LayerNorm(encoder.d_model)
        )
        self.bias = nn.Parameter(torch.zeros(self.vocab_size))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, masked: Tensor) -> Tensor:
        """Return logits (asked, vocabulary) of the tokens where `masked` (n, length) is True."""
        states = self.encoder.states(input_ids, attention_mask)[masked]
        return linear(self.transform(states), self.encoder.embed.weight, self.bias)


class ChunkedClassifier(nn.Module):
    """A chunk encoder and an aggregator of its own width, heads, depth and positions.

    The chunks of all films of a batch are packed: (n, length) ids and mask, films one after
    another, and `n_chunks` (batch,) says how many each has. No film is padded to the longest until
    its chunks are vectors.
    """

    def __init__(self, encoder: nn.Module, aggregator: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.aggregator = aggregator

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, n_chunks: Tensor, *extra_features: Tensor
    ) -> AggregatorOutput:
        """Read a batch of films."""
        return self.read(self.encoder(input_ids, attention_mask), n_chunks, *extra_features)

    def read(self, vectors: Tensor, n_chunks: Tensor, *extra_features: Tensor) -> AggregatorOutput:
        """Aggregate packed chunk vectors (n, d), with what the aggregator reads beside them."""
        return AggregatorOutput(*self.aggregator(*pad_chunks(vectors, n_chunks), *extra_features))


def pad_chunks(vectors: Tensor, n_chunks: Tensor) -> tuple[Tensor, Tensor]:
    """Return packed vectors (n, d) as (batch, longest, d) with their mask (batch, longest)."""
    films = torch.split(vectors, n_chunks.tolist())
    padded = nn.utils.rnn.pad_sequence(list(films), batch_first=True)
    steps = torch.arange(padded.shape[1], device=vectors.device)
    return padded, steps < n_chunks.to(vectors.device)[:, None]
