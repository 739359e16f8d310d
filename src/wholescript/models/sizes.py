"""Named sizes of the transformers that are trained from scratch, encoders and decoders alike."""

from typing import NamedTuple

from wholescript.errors import ParameterError

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
    """Raise ParameterError if `size` is not in `MODEL_SIZES`."""
    if size not in MODEL_SIZES:
        raise ParameterError(f"size={size!r} is none of {', '.join(MODEL_SIZES)}")
