"""Chunked classifiers: a chunk encoder, a sequence model over the chunks, one logit a film."""

from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from wholescript.models.aggregators import Reading
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
        vocabulary: int,
        d_model: int = 128,
        heads: int = 4,
        d_feedforward: int = 512,
        layers: int = 2,
        *,
        positions: Positions = "sinusoidal",
        causal: bool = False,
        pooling: Pooling | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.d_model = d_model
        self.pooling = pooling or ("last" if causal else "mean")
        self.embed = nn.Embedding(vocabulary, d_model)
        nn.init.normal_(self.embed.weight, std=d_model**-0.5)
        self.dropout = Dropout(dropout)
        self.transformer = Transformer(
            d_model,
            heads,
            d_feedforward,
            layers,
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


class MaskedModel(nn.Module):
    """An encoder that is asked for hidden tokens; its embedding also reads them out."""

    def __init__(self, encoder: ScratchEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.vocabulary = encoder.embed.num_embeddings
        self.transform = nn.Sequential(
            nn.Linear(encoder.d_model, encoder.d_model), nn.GELU(), nn.LayerNorm(encoder.d_model)
        )
        self.bias = nn.Parameter(torch.zeros(self.vocabulary))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, hidden: Tensor) -> Tensor:
        """Return logits (asked, vocabulary) of the tokens where `hidden` (n, length) is True."""
        states = self.encoder.states(input_ids, attention_mask)[hidden]
        return linear(self.transform(states), self.encoder.embed.weight, self.bias)


class ChunkedClassifier(nn.Module):
    """A chunk encoder and an aggregator of its own width, heads, depth and positions.

    The chunks of all films of a batch are packed: (n, length) ids and mask, films one after
    another, and `counts` (batch,) says how many each has. No film is padded to the longest until
    its chunks are vectors.
    """

    def __init__(self, encoder: nn.Module, aggregator: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.aggregator = aggregator

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, counts: Tensor, *beside: Tensor
    ) -> Reading:
        """Read a batch of films."""
        return self.read(self.encoder(input_ids, attention_mask), counts, *beside)

    def read(self, vectors: Tensor, counts: Tensor, *beside: Tensor) -> Reading:
        """Aggregate packed chunk vectors (n, d), with what the aggregator reads beside them."""
        return Reading(*self.aggregator(*unpacked(vectors, counts), *beside))


def unpacked(vectors: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return packed vectors (n, d) as (batch, longest, d) with their mask (batch, longest)."""
    films = torch.split(vectors, counts.tolist())
    padded = nn.utils.rnn.pad_sequence(list(films), batch_first=True)
    steps = torch.arange(padded.shape[1], device=vectors.device)
    return padded, steps < counts.to(vectors.device)[:, None]
