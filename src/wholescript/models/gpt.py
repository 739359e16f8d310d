"""A GPT of titles, read top to bottom: what can be switched stands first, with its reason.

In one thing its defaults are not the published baseline: no dropout falls on attention itself.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, relu, silu

from wholescript.errors import ParameterError
from wholescript.models.attention import dot_product_attention
from wholescript.models.dropout import Dropout
from wholescript.models.next_token import NextTokenModel
from wholescript.models.transformer import apply_rotary, position_angles

Positions = Literal["learned", "rotary"]
Norm = Literal["layer", "rms"]
FeedForward = Literal["gelu", "swiglu", "relu2"]


@dataclass(frozen=True)
class GPTConfig:
    """The defaults are those of the published baseline, 6 blocks of 8 heads, 512 wide."""

    vocab_size: int = 16_000
    block_size: int = 128  # tokens of a window
    n_layer: int = 6
    n_head: int = 8
    d_model: int = 512
    dropout: float = 0.1
    positions: Positions = "learned"  # rotary: a title reads the same wherever its window begins
    norm: Norm = "layer"  # rms: no mean, no bias, one pass less
    feedforward: FeedForward = "gelu"  # swiglu, relu2: more for the same parameters
    scaled_residual_init: bool = False  # what is added to the stream begins smaller, by its depth
    document_mask: bool = (
        False  # nothing is read of the titles before: they say nothing of this one
    )
    tie_embeddings: bool = True  # one matrix reads tokens in and out
    attention_gate: bool = (
        False  # each head's output times a gate of the position: a head can say nothing
    )
    layer_scale: float = 0.0  # above 0: each branch's output times a learned vector, at first this

    def __post_init__(self) -> None:
        """Refuse what could not be built."""
        for name, kind in (("positions", Positions), ("norm", Norm), ("feedforward", FeedForward)):
            if getattr(self, name) not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise ParameterError(f"{name}={getattr(self, name)!r} is none of {choices}")
        if min(self.vocab_size, self.block_size, self.n_layer, self.n_head) < 1:
            raise ParameterError("vocabulary, context, layers and heads must be at least 1")
        if self.d_model % (2 * self.n_head):
            raise ParameterError(
                f"d_model={self.d_model} must be a multiple of twice n_head={self.n_head}"
            )
        if not 0 <= self.dropout < 1 or self.layer_scale < 0:
            raise ParameterError(
                f"dropout={self.dropout} must be in [0, 1), layer_scale={self.layer_scale} not "
                "negative"
            )

    @property
    def d_feedforward(self) -> int:
        """The width of a feed-forward layer: with three matrices two thirds, in steps of 64."""
        if self.feedforward == "swiglu":
            return -(-8 * self.d_model // 3 // 64) * 64
        return 4 * self.d_model

    @property
    def settings(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def build_norm(config: GPTConfig) -> nn.Module:
    """Return a layer norm (Ba et al., 2016), or one by the root mean square alone (2019)."""
    if config.norm == "rms":
        return nn.RMSNorm(config.d_model)
    return nn.LayerNorm(config.d_model)


class CausalSelfAttention(nn.Module):
    """Causal self-attention."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.rotary = config.n_head, config.positions == "rotary"
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model)
        self.gate = nn.Linear(config.d_model, config.d_model) if config.attention_gate else None
        self.project = nn.Linear(config.d_model, config.d_model)

    def forward(self, states: Tensor, attn_mask: Tensor) -> Tensor:
        """Map (n, length, width) to the same; `attn_mask` (n or 1, 1, length, length) are pairs."""
        n, length, d_model = states.shape
        query, key, value = (
            self.qkv(states).view(n, length, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)
        )
        if self.rotary:  # Su et al., 2021
            turn = position_angles(length, d_model // self.n_head, states.device)
            query, key = apply_rotary(query, turn), apply_rotary(key, turn)
        read = dot_product_attention(query, key, value, attn_mask)
        read = read.transpose(1, 2).reshape(n, length, d_model)
        if self.gate is not None:  # Qiu et al., 2025
            read = read * self.gate(states).sigmoid()
        projected: Tensor = self.project(read)
        return projected


class MLP(nn.Module):
    """Two matrices with GELU or a squared ReLU between them, or SwiGLU's three."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.kind = config.feedforward
        rows = 2 * config.d_feedforward if self.kind == "swiglu" else config.d_feedforward
        self.up_proj = nn.Linear(config.d_model, rows)
        self.project = nn.Linear(config.d_feedforward, config.d_model)

    def forward(self, states: Tensor) -> Tensor:
        """Map (n, length, width) to the same."""
        up = self.up_proj(states)
        if self.kind == "swiglu":  # Shazeer, 2020
            gate, value = up.chunk(2, dim=-1)
            up = silu(gate) * value
        else:
            up = gelu(up) if self.kind == "gelu" else relu(up).square()  # So et al., 2021
        projected: Tensor = self.project(up)
        return projected


class ResidualBranch(nn.Module):
    """What is added to the stream: a layer behind its norm, dropped out, and scaled if asked."""

    def __init__(self, config: GPTConfig, layer: nn.Module) -> None:
        super().__init__()
        self.norm, self.layer, self.dropout = build_norm(config), layer, Dropout(config.dropout)
        self.scale = None
        if config.layer_scale:  # Touvron et al., 2021
            self.scale = nn.Parameter(torch.full((config.d_model,), config.layer_scale))

    def forward(self, states: Tensor, *more: Any) -> Tensor:
        """Map (n, length, width) to what is added to it."""
        added: Tensor = self.dropout(self.layer(self.norm(states), *more))
        return added if self.scale is None else added * self.scale


class GPT(NextTokenModel):
    """Token ids to the logits of each next one."""

    def __init__(self, config: GPTConfig, eos_id: int) -> None:
        super().__init__()
        self.config, self.eos_id = config, eos_id
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.wpe = None
        if config.positions == "learned":
            self.wpe = nn.Embedding(config.block_size, config.d_model)
        self.dropout = Dropout(config.dropout)
        self.attention = nn.ModuleList(
            ResidualBranch(config, CausalSelfAttention(config)) for _ in range(config.n_layer)
        )
        self.feedforward = nn.ModuleList(
            ResidualBranch(config, MLP(config)) for _ in range(config.n_layer)
        )
        self.norm = build_norm(config)
        self.head = None  # Press and Wolf, 2017
        if not config.tie_embeddings:
            self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self._initialise()

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to logits (n, length, vocabulary)."""
        return self.lm_head(self.states(ids))

    def next_token_logits(self, input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (asked, vocabulary) float32 and the tokens that came, (asked,)."""
        loss_mask = loss_mask[:, 1:]
        logits = self.lm_head(self.states(input_ids[:, :-1])[loss_mask])
        return logits.float(), input_ids[:, 1:][loss_mask]

    def lm_head(self, states: Tensor) -> Tensor:
        """Map states (..., width) to logits (..., vocabulary)."""
        return linear(states, self.tokens.weight if self.head is None else self.head.weight)

    def states(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to the states that the next tokens are read from."""
        states = self.tokens(ids)
        if self.wpe is not None:
            states = states + self.wpe.weight[: ids.shape[1]]
        states = self.dropout(states)
        length = ids.shape[1]
        attn_mask = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()[
            None, None
        ]
        if self.config.document_mask:
            attn_mask = attn_mask & same_document_mask(ids, self.eos_id)
        for attention, feedforward in zip(self.attention, self.feedforward, strict=True):
            states = states + attention(states, attn_mask)
            states = states + feedforward(states)
        normed: Tensor = self.norm(states)
        return normed

    def _initialise(self) -> None:
        deviation = 0.02  # as GPT-2
        for name, parameter in self.named_parameters():
            if name.endswith("bias") or name == "places.weight":  # as published
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                small = self.config.scaled_residual_init and "project" in name
                shrunk = math.sqrt(2 * self.config.n_layer) if small else 1.0
                nn.init.normal_(parameter, std=deviation / shrunk)


def same_document_mask(ids: Tensor, eos_id: int) -> Tensor:
    """Return which tokens are of one title, (n, 1, length, length) bool.

    The end of the title before stands at the beginning of a title, as in a stream of titles.
    """
    title = (ids == eos_id).cumsum(1)
    return (title[:, :, None] == title[:, None, :])[:, None]
