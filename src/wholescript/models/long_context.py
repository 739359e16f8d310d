"""Encoders of whole scripts by the classes of transformers: one sequence, one vector.

Longformer (Beltagy, Peters and Cohan, 2020): each token attends to a window of its neighbours, the
first token to all and all to it. Mamba-2 (Dao and Gu, 2024): a state of fixed size is carried from
token to token. Time and memory of both are linear in the length, but for a small term of Mamba-2,
which is quadratic in the number of its chunks. `pretrained_encoder` loads these and other models of
transformers.

Masks are bool, (n, length), True for tokens; padding is on the right.
"""

from logging import ERROR
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import (
    AutoConfig,
    AutoModel,
    LongformerConfig,
    LongformerModel,
    Mamba2Config,
    Mamba2Model,
    PreTrainedModel,
)
from transformers.utils import logging

from wholescript.errors import ParameterError
from wholescript.features.pretrained_models import loading, max_tokens
from wholescript.models.pooling import pool_tokens

LongPooling = Literal["first", "last", "mean"]
NO_SPECIAL_TOKENS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}


class LongContextEncoder(nn.Module):
    """A model of transformers and the pooling of its token states to one vector of a sequence.

    `pooling` is the state of the first token (by default for Longformer, whose first token attends
    to all), the last token's, or the mean over tokens (by default for all others).
    """

    def __init__(self, backbone: PreTrainedModel, pooling: LongPooling | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        default: LongPooling = "first" if isinstance(backbone, LongformerModel) else "mean"
        self.pooling: LongPooling = pooling or default
        self.d_model = int(backbone.config.hidden_size)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map right-padded (n, length) ids and their bool mask to vectors (n, d_model)."""
        longest = int(attention_mask.sum(1).max())
        ids, mask = input_ids[:, :longest], attention_mask[:, :longest]
        states = token_states(self.backbone, mask, input_ids=ids)
        if self.pooling == "first":
            return states[:, 0]
        return pool_tokens(states, mask, self.pooling)


def token_states(model: PreTrainedModel, mask: Tensor, **inputs: Tensor) -> Tensor:
    """Return the last hidden states, (n, length, d_model).

    `inputs` are `input_ids` (n, length), or `inputs_embeds` (n, length, d_model) and, of Longformer
    only, `position_ids` (n, length).
    """
    if isinstance(model, LongformerModel):
        return longformer_states(model, mask, **inputs)
    states: Tensor = model(attention_mask=mask.long(), **inputs).last_hidden_state
    return states


def longformer_states(model: LongformerModel, mask: Tensor, **inputs: Tensor) -> Tensor:
    """Return the last hidden states of a Longformer whose first token is global.

    They are those of `LongformerModel.forward`, which first makes a mask of length x length floats
    and uses its first row: 45 GB at 106,000 tokens. Here only that row is made.
    """
    window = model.config.attention_window
    padding = -mask.shape[1] % (window if isinstance(window, int) else max(window))
    padded = {
        name: pad(value, (0, 0, 0, padding))
        if value.ndim == 3
        else pad(value, (0, padding), value=model.config.pad_token_id)
        for name, value in inputs.items()
    }
    states = model.embeddings(**padded)
    limits = torch.finfo(states.dtype)
    row = states.new_zeros(states.shape[:2])
    row = row.masked_fill(~pad(mask, (0, padding)), limits.min)
    row[:, 0] = limits.max
    encoded = model.encoder(states, attention_mask=row, padding_len=padding)
    last: Tensor = encoded.last_hidden_state
    return last


def longformer(
    vocab_size: int,
    *,
    pad_token_id: int = 0,
    d_model: int = 128,
    n_head: int = 4,
    d_feedforward: int = 512,
    n_layer: int = 2,
    attention_window: int = 256,
    max_tokens: int = 110_000,
    dropout: float = 0.1,
) -> LongformerModel:
    """Return an untrained Longformer; its weights depend on torch's random state.

    A token attends to `attention_window // 2` tokens on each side. Positions are learned, for
    `max_tokens` tokens.

    Raises:
        ParameterError: the window is odd, or the heads do not divide `d_model`.
    """
    if attention_window < 2 or attention_window % 2:
        raise ParameterError(f"attention_window={attention_window} must be even, at least 2")
    if d_model % n_head:
        raise ParameterError(f"d_model={d_model} is no multiple of n_head={n_head}")
    config = LongformerConfig(
        vocab_size=vocab_size,
        pad_token_id=pad_token_id,
        hidden_size=d_model,
        num_attention_heads=n_head,
        intermediate_size=d_feedforward,
        num_hidden_layers=n_layer,
        attention_window=[attention_window] * n_layer,
        max_position_embeddings=max_tokens + pad_token_id + 1,
        type_vocab_size=1,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=d_model**-0.5,  # the default, 0.02, is that of 768 dimensions
        sep_token_id=None,
        **NO_SPECIAL_TOKENS,
    )
    return LongformerModel(config, add_pooling_layer=False)


def mamba2(
    vocab_size: int,
    *,
    pad_token_id: int = 0,
    d_model: int = 128,
    n_head: int = 4,
    d_state: int = 64,
    n_layer: int = 2,
    chunk_size: int = 128,
) -> Mamba2Model:
    """Return an untrained Mamba-2; its weights depend on torch's random state.

    `d_state` numbers are carried for each of the 2 x `d_model` inner dimensions. `chunk_size` is
    the number of tokens that are computed at once: it decides memory and time, not the result.

    Raises:
        ParameterError: the heads do not divide 2 x `d_model`.
    """
    if 2 * d_model % n_head:
        raise ParameterError(f"2 x d_model={2 * d_model} is no multiple of n_head={n_head}")
    _allow_missing_kernels()
    config = Mamba2Config(
        vocab_size=vocab_size,
        pad_token_id=pad_token_id,
        hidden_size=d_model,
        expand=2,
        num_heads=n_head,
        head_dim=2 * d_model // n_head,
        state_size=d_state,
        n_groups=1,
        num_hidden_layers=n_layer,
        chunk_size=chunk_size,
        initializer_range=d_model**-0.5,
        use_cache=False,
        **NO_SPECIAL_TOKENS,
    )
    return Mamba2Model(config)


def pretrained_encoder(
    name: str, pooling: LongPooling | None = None, *, revision: str | None = None
) -> LongContextEncoder:
    """Load a model of transformers: a name on the hub, or a folder written by `save_pretrained`.

    Such are allenai/longformer-base-4096, state-spaces/mamba-130m-hf, answerdotai/ModernBERT-base
    and gpt2. `revision` is a commit, tag or branch on the hub; None: the main branch. All weights
    are trained.

    Raises:
        ParameterError: there is no such model, or it is none of token states.
    """
    _allow_missing_kernels()
    with loading(f"the model {name!r}"):
        model = AutoModel.from_pretrained(name, revision=revision, dtype=torch.float32)
    if not hasattr(model.config, "hidden_size") or model.config.is_encoder_decoder:
        raise ParameterError(
            f"the model {name!r} ({model.config.model_type}) is neither an encoder nor a decoder "
            "of one sequence: choose another, such as answerdotai/ModernBERT-base"
        )
    model.config.use_cache = False
    unused: Any = model
    if getattr(unused, "pooler", None) is not None:
        unused.pooler = None  # its weights would be trained for nothing
    return LongContextEncoder(model, pooling)


def pretrained_max_tokens(name: str, revision: str | None = None) -> int | None:
    """Return `max_tokens` of a model on the hub or in a folder, of which no weights are read.

    Raises:
        ParameterError: there is no such model.
    """
    _allow_missing_kernels()
    with loading(f"the model {name!r}"):
        config = AutoConfig.from_pretrained(name, revision=revision)
        with torch.device("meta"):
            return max_tokens(AutoModel.from_config(config))


def _allow_missing_kernels() -> None:
    """Silence the advice to install kernels for a GPU where there is none."""
    if not torch.cuda.is_available():
        logging.get_logger("transformers.integrations.hub_kernels").setLevel(ERROR)
