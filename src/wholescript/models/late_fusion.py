"""Late fusion: a linear function of further film features is added to an aggregator's logits."""

from torch import Tensor, nn

from wholescript.models.aggregators import AggregatorOutput
from wholescript.models.dropout import FastDropout


class LateFusion(nn.Module):
    """An aggregator and a linear layer on `n_extra_features` numbers per film; logits are added."""

    def __init__(
        self,
        aggregator: nn.Module,
        n_extra_features: int,
        n_outputs: int = 1,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.aggregator = aggregator
        self.extra_features = nn.Sequential(
            FastDropout(dropout), nn.Linear(n_extra_features, n_outputs, bias=False)
        )

    def forward(
        self, chunks: Tensor, chunk_mask: Tensor, extra_features: Tensor
    ) -> AggregatorOutput:
        """Return the summed logits; `extra_features` is (batch, n_extra_features)."""
        logits, attention = self.aggregator(chunks, chunk_mask)
        return AggregatorOutput(logits + self.extra_features(extra_features).squeeze(-1), attention)
