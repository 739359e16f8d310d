"""Classifiers of texts, small enough to train from scratch.

Token and sinusoidal position embeddings, pre-norm blocks, the state of the last token (or the mean
of all), a linear layer: `models.chunked.ScratchEncoder` with a head.
"""

from typing import NamedTuple, get_args

from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.models.chunked import Pooling, ScratchEncoder
from wholescript.models.dropout import Dropout

N_HEAD = 4
MLP_RATIO = 4  # how many times the model's width a feed-forward layer has


class ModelSize(NamedTuple):
    """Blocks and width."""

    n_layer: int
    d_model: int


MODEL_SIZES: dict[str, ModelSize] = {
    "tiny": ModelSize(2, 128),
    "small": ModelSize(3, 192),
    "medium": ModelSize(3, 256),
    "large": ModelSize(4, 320),
}


class TransformerClassifier(nn.Module):
    """Maps token ids to logits of the classes: a linear layer on what `encoder` makes of them."""

    def __init__(self, encoder: ScratchEncoder, classes: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(Dropout(dropout), nn.Linear(encoder.d_model, classes))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (n, length) ids and mask (bool, True on the left) to logits (n, classes)."""
        logits: Tensor = self.head(self.encoder(input_ids, attention_mask))
        return logits


class CausalTransformerClassifier(TransformerClassifier):
    """A decoder-only one: no token reads a later one.

    `size` is a name of `MODEL_SIZES`, `pooling` one of last, mean. Raises ParameterError for another one.
    """

    def __init__(
        self,
        vocab_size: int,
        classes: int,
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
        super().__init__(encoder, classes, dropout=dropout)


def check_size(size: str) -> None:
    """Raise ParameterError for a size that is not there."""
    if size not in MODEL_SIZES:
        raise ParameterError(f"size={size!r} is none of {', '.join(MODEL_SIZES)}")


def check_size_and_pooling(size: str, pooling: str) -> None:
    """Raise ParameterError for a size or a pooling that is not there."""
    check_size(size)
    if pooling not in get_args(Pooling):
        raise ParameterError(f"pooling={pooling!r} is none of {', '.join(get_args(Pooling))}")
