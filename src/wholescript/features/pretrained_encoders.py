"""Frozen pretrained encoders, which map the token ids of a chunk to one vector.

The vector is the mean over the hidden states after the first `n_layer` layers. Two engines compute
the same vectors: PyTorch, the reference, and OpenVINO, which is faster on CPUs.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging

from wholescript.errors import ParameterError
from wholescript.features.encoder_config import (
    DEFAULT_ENCODER,
    ChunkEncoder,
    Engine,
    Precision,
    packaged_encoder,
    resolve_engine,
)


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
