"""Named sizes and settings of the transformers that are trained from scratch."""

from typing import Literal, NamedTuple

from wholescript.settings import check

Size = Literal["tiny", "small", "medium", "large"]
Pooling = Literal["last", "mean"]

N_HEAD = 4
MLP_RATIO = 4  # feed-forward dimension over d_model


class ModelSize(NamedTuple):
    """Number of layers and model dimension."""

    n_layer: int
    d_model: int


MODEL_SIZES: dict[str, ModelSize] = {
    "tiny": ModelSize(2, 128),
    "small": ModelSize(3, 192),
    "medium": ModelSize(3, 256),
    "large": ModelSize(4, 320),
}


def check_size(size: str) -> None:
    """Raise ParameterError if `size` is not that of `MODEL_SIZES`."""
    check("size", size, Size)
