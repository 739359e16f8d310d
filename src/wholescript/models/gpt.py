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
from wholescript.models.attention import attend
from wholescript.models.dropout import Dropout
from wholescript.models.next_token import NextTokenModel
from wholescript.models.transformer import angles, rotate

Positions = Literal["learned", "rotary"]
Norm = Literal["layer", "rms"]
FeedForward = Literal["gelu", "swiglu", "relu2"]


@dataclass(frozen=True)
class GPTConfig:
    """The defaults are those of the published baseline, 6 blocks of 8 heads, 512 wide."""

    vocabulary: int = 16_000
    context: int = 128  # tokens of a window
    layers: int = 6
    heads: int = 8
    width: int = 512
    dropout: float = 0.1
    positions: Positions = "learned"  # rotary: a title reads the same wherever its window begins
    norm: Norm = "layer"  # rms: no mean, no bias, one pass less
    feedforward: FeedForward = "gelu"  # swiglu, relu2: more for the same parameters
    residual_init: bool = False  # what is added to the stream begins smaller, by its depth
    title_mask: bool = False  # nothing is read of the titles before: they say nothing of this one
    tied: bool = True  # one matrix reads tokens in and out
    gated: bool = False  # each head's output times a gate of the position: a head can say nothing
    layer_scale: float = 0.0  # above 0: each branch's output times a learned vector, at first this

    def __post_init__(self) -> None:
        """Refuse what could not be built."""
        for name, kind in (("positions", Positions), ("norm", Norm), ("feedforward", FeedForward)):
            if getattr(self, name) not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise ParameterError(f"{name}={getattr(self, name)!r} is none of {choices}")
        if min(self.vocabulary, self.context, self.layers, self.heads) < 1:
            raise ParameterError("vocabulary, context, layers and heads must be at least 1")
        if self.width % (2 * self.heads):
            raise ParameterError(
                f"width={self.width} must be a multiple of twice heads={self.heads}"
            )
        if not 0 <= self.dropout < 1 or self.layer_scale < 0:
            raise ParameterError(
                f"dropout={self.dropout} must be in [0, 1), layer_scale={self.layer_scale} not "
                "negative"
            )

    @property
    def hidden(self) -> int:
        """The width of a feed-forward layer: with three matrices two thirds, in steps of 64."""
        if self.feedforward == "swiglu":
            return -(-8 * self.width // 3 // 64) * 64
        return 4 * self.width

    @property
    def note(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def normalisation(config: GPTConfig) -> nn.Module:
    """Return a layer norm (Ba et al., 2016), or one by the root mean square alone (2019)."""
    if config.norm == "rms":
        return nn.RMSNorm(config.width)
    return nn.LayerNorm(config.width)


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.heads, self.rotary = config.heads, config.positions == "rotary"
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.gate = nn.Linear(config.width, config.width) if config.gated else None
        self.project = nn.Linear(config.width, config.width)

    def forward(self, states: Tensor, allowed: Tensor) -> Tensor:
        """Map (n, length, width) to the same; `allowed` (n or 1, 1, length, length) are pairs."""
        n, length, width = states.shape
        query, key, value = (
            self.qkv(states).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )
        if self.rotary:  # Su et al., 2021
            turn = angles(length, width // self.heads, states.device)
            query, key = rotate(query, turn), rotate(key, turn)
        read = attend(query, key, value, allowed)
        read = read.transpose(1, 2).reshape(n, length, width)
        if self.gate is not None:  # Qiu et al., 2025
            read = read * self.gate(states).sigmoid()
        projected: Tensor = self.project(read)
        return projected


class FeedForwardLayer(nn.Module):
    """Two matrices with GELU or a squared ReLU between them, or SwiGLU's three."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.kind = config.feedforward
        rows = 2 * config.hidden if self.kind == "swiglu" else config.hidden
        self.rise = nn.Linear(config.width, rows)
        self.project = nn.Linear(config.hidden, config.width)

    def forward(self, states: Tensor) -> Tensor:
        """Map (n, length, width) to the same."""
        risen = self.rise(states)
        if self.kind == "swiglu":  # Shazeer, 2020
            gate, value = risen.chunk(2, dim=-1)
            risen = silu(gate) * value
        else:
            risen = gelu(risen) if self.kind == "gelu" else relu(risen).square()  # So et al., 2021
        projected: Tensor = self.project(risen)
        return projected


class Branch(nn.Module):
    """What is added to the stream: a layer behind its norm, dropped out, and scaled if asked."""

    def __init__(self, config: GPTConfig, layer: nn.Module) -> None:
        super().__init__()
        self.norm, self.layer, self.dropout = normalisation(config), layer, Dropout(config.dropout)
        self.scale = None
        if config.layer_scale:  # Touvron et al., 2021
            self.scale = nn.Parameter(torch.full((config.width,), config.layer_scale))

    def forward(self, states: Tensor, *more: Any) -> Tensor:
        """Map (n, length, width) to what is added to it."""
        added: Tensor = self.dropout(self.layer(self.norm(states), *more))
        return added if self.scale is None else added * self.scale


class GPT(NextTokenModel):
    """Token ids to the logits of each next one."""

    def __init__(self, config: GPTConfig, end: int) -> None:
        super().__init__()
        self.config, self.end = config, end
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.places = None
        if config.positions == "learned":
            self.places = nn.Embedding(config.context, config.width)
        self.dropout = Dropout(config.dropout)
        self.attention = nn.ModuleList(
            Branch(config, Attention(config)) for _ in range(config.layers)
        )
        self.feedforward = nn.ModuleList(
            Branch(config, FeedForwardLayer(config)) for _ in range(config.layers)
        )
        self.norm = normalisation(config)
        self.head = None  # Press and Wolf, 2017
        if not config.tied:
            self.head = nn.Linear(config.width, config.vocabulary, bias=False)
        self._initialise()

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to logits (n, length, vocabulary)."""
        return self.read_out(self.states(ids))

    def next_tokens(self, input_ids: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (asked, vocabulary) float32 and the tokens that came, (asked,)."""
        asked = asked[:, 1:]
        logits = self.read_out(self.states(input_ids[:, :-1])[asked])
        return logits.float(), input_ids[:, 1:][asked]

    def read_out(self, states: Tensor) -> Tensor:
        """Map states (..., width) to logits (..., vocabulary)."""
        return linear(states, self.tokens.weight if self.head is None else self.head.weight)

    def states(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to the states that the next tokens are read from."""
        states = self.tokens(ids)
        if self.places is not None:
            states = states + self.places.weight[: ids.shape[1]]
        states = self.dropout(states)
        length = ids.shape[1]
        allowed = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()[None, None]
        if self.config.title_mask:
            allowed = allowed & same_title(ids, self.end)
        for attention, feedforward in zip(self.attention, self.feedforward, strict=True):
            states = states + attention(states, allowed)
            states = states + feedforward(states)
        normed: Tensor = self.norm(states)
        return normed

    def _initialise(self) -> None:
        deviation = 0.02  # as GPT-2
        for name, parameter in self.named_parameters():
            if name.endswith("bias") or name == "places.weight":  # as published
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                small = self.config.residual_init and "project" in name
                shrunk = math.sqrt(2 * self.config.layers) if small else 1.0
                nn.init.normal_(parameter, std=deviation / shrunk)


def same_title(ids: Tensor, end: int) -> Tensor:
    """Return which tokens are of one title, (n, 1, length, length) bool.

    The end of the title before stands at the beginning of a title, as in a stream of titles.
    """
    title = (ids == end).cumsum(1)
    return (title[:, :, None] == title[:, None, :])[:, None]
