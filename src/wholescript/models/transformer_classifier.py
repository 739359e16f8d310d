"""Transformer classifiers of documents, small enough to be trained from scratch."""

from torch import Tensor, nn

from wholescript.models.dropout import Dropout
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.models.sizes import MLP_RATIO, MODEL_SIZES, N_HEAD, Pooling, check_size
from wholescript.settings import check


class TransformerClassifier(nn.Module):
    """Maps token ids to class logits: a linear layer on the output of `encoder`."""

    def __init__(self, encoder: ScratchEncoder, n_classes: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(Dropout(dropout), nn.Linear(encoder.d_model, n_classes))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map right-padded (n, length) ids and their bool mask to logits (n, n_classes)."""
        logits: Tensor = self.head(self.encoder(input_ids, attention_mask))
        return logits


class CausalTransformerClassifier(TransformerClassifier):
    """A decoder-only classifier of one of `MODEL_SIZES`, pooling the last token or the mean.

    Raises:
        ParameterError: an unknown size or pooling.
    """

    def __init__(
        self,
        vocab_size: int,
        n_classes: int,
        size: str = "small",
        *,
        pooling: Pooling = "last",
        dropout: float = 0.1,
    ) -> None:
        check_size_and_pooling(size, pooling)
        n_layer, d_model = MODEL_SIZES[size]
        encoder = ScratchEncoder(
            vocab_size,
            d_model,
            N_HEAD,
            MLP_RATIO * d_model,
            n_layer,
            causal=True,
            pooling=pooling,
            dropout=dropout,
        )
        super().__init__(encoder, n_classes, dropout=dropout)


def check_size_and_pooling(size: str, pooling: str) -> None:
    """Raise ParameterError for an unknown size or pooling."""
    check_size(size)
    check("pooling", pooling, Pooling)
