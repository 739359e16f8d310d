"""A chunk encoder followed by an aggregator over the chunks: one logit per film."""

import torch
from torch import Tensor, nn

from wholescript.models.aggregators import AggregatorOutput


class ChunkedClassifier(nn.Module):
    """Encodes each chunk to a vector, then aggregates the vectors of each film.

    The chunks of a batch of films are packed: ids and mask are (n, length), film after film, and
    `n_chunks` (batch,) is the number of chunks of each film. Films are padded to the longest of
    the batch only as vectors.
    """

    def __init__(self, encoder: nn.Module, aggregator: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.aggregator = aggregator

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, n_chunks: Tensor, *extra_features: Tensor
    ) -> AggregatorOutput:
        """Return logits (batch,) and attention (batch, longest film)."""
        return self.aggregate(self.encoder(input_ids, attention_mask), n_chunks, *extra_features)

    def aggregate(
        self, vectors: Tensor, n_chunks: Tensor, *extra_features: Tensor
    ) -> AggregatorOutput:
        """Aggregate packed chunk vectors (n, d), with the extra features that late fusion needs."""
        return AggregatorOutput(*self.aggregator(*pad_chunks(vectors, n_chunks), *extra_features))


def pad_chunks(vectors: Tensor, n_chunks: Tensor) -> tuple[Tensor, Tensor]:
    """Return packed vectors (n, d) as (batch, longest, d) and their mask (batch, longest)."""
    films = torch.split(vectors, n_chunks.tolist())
    padded = nn.utils.rnn.pad_sequence(list(films), batch_first=True)
    steps = torch.arange(padded.shape[1], device=vectors.device)
    return padded, steps < n_chunks.to(vectors.device)[:, None]
