"""A GPT-style language model: all architecture options first, with what each one changes.

The defaults are the published baseline, except that attention weights have no dropout.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, relu, silu

from wholescript.errors import ParameterError
from wholescript.models.attention import multi_head_attention, position_angles
from wholescript.models.dropout import Dropout
from wholescript.models.next_token import NextTokenModel
from wholescript.settings import DropoutRate, NonNegativeFloat, PositiveInt, check_fields

Positions = Literal["learned", "rotary"]
Norm = Literal["layer", "rms"]
FeedForward = Literal["gelu", "swiglu", "relu2"]


@dataclass(frozen=True)
class GPTConfig:
    """Architecture of a GPT; the defaults are those of the published baseline."""

    vocab_size: PositiveInt = 16_000
    block_size: PositiveInt = 128  # tokens of context
    n_layer: PositiveInt = 6
    n_head: PositiveInt = 8
    d_model: PositiveInt = 512
    dropout: DropoutRate = 0.1
    positions: Positions = "learned"  # rotary: attention depends on relative positions only
    norm: Norm = "layer"  # rms: no mean, no bias, one pass less
    feedforward: FeedForward = "gelu"  # swiglu: gated, as many parameters; relu2: squared ReLU
    scaled_residual_init: bool = False  # residual projections start smaller, by 1/sqrt(2 n_layer)
    document_mask: bool = False  # attention stays within one document of the token stream
    tie_embeddings: bool = True  # input and output embeddings share one matrix
    attention_gate: bool = False  # a sigmoid gate on the output of each head
    layer_scale: NonNegativeFloat = 0.0  # initial learned scale of each branch; 0: no such scale

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: no model can be built from them.
        """
        check_fields(self)
        if self.d_model % (2 * self.n_head):
            raise ParameterError(
                f"d_model={self.d_model} must be a multiple of twice n_head={self.n_head}"
            )

    @property
    def d_feedforward(self) -> int:
        """Hidden size of a feed-forward layer: 4 d_model, or 8/3 d_model rounded up to 64s."""
        if self.feedforward == "swiglu":
            return -(-8 * self.d_model // 3 // 64) * 64
        return 4 * self.d_model

    @property
    def settings(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def build_norm(config: GPTConfig) -> nn.Module:
    """Return a layer norm (Ba et al., 2016) or an RMS norm (Zhang and Sennrich, 2019)."""
    if config.norm == "rms":
        return nn.RMSNorm(config.d_model)
    return nn.LayerNorm(config.d_model)


class CausalSelfAttention(nn.Module):
    """Multi-head causal self-attention, with rotary positions and an output gate as options."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.rotary = config.n_head, config.positions == "rotary"
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model)
        self.gate = nn.Linear(config.d_model, config.d_model) if config.attention_gate else None
        self.out_proj = nn.Linear(config.d_model, config.d_model)

    def forward(self, states: Tensor, attn_mask: Tensor) -> Tensor:
        """Map (n, length, d_model) to the same shape.

        `attn_mask` (n or 1, 1, length, length) is True where a query may attend to a key.
        """
        _, length, d_model = states.shape
        angles = None
        if self.rotary:
            angles = position_angles(length, d_model // self.n_head, states.device)
        attended = multi_head_attention(self.qkv(states), self.n_head, attn_mask, angles)
        if self.gate is not None:  # Qiu et al., 2025
            attended = attended * self.gate(states).sigmoid()
        projected: Tensor = self.out_proj(attended)
        return projected


class MLP(nn.Module):
    """A feed-forward layer: GELU, squared ReLU (So et al., 2021) or SwiGLU (Shazeer, 2020)."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.kind = config.feedforward
        d_up = 2 * config.d_feedforward if self.kind == "swiglu" else config.d_feedforward
        self.up_proj = nn.Linear(config.d_model, d_up)
        self.down_proj = nn.Linear(config.d_feedforward, config.d_model)

    def forward(self, states: Tensor) -> Tensor:
        """Map (n, length, d_model) to the same shape."""
        up = self.up_proj(states)
        if self.kind == "swiglu":
            gate, value = up.chunk(2, dim=-1)
            up = silu(gate) * value
        else:
            up = gelu(up) if self.kind == "gelu" else relu(up).square()
        projected: Tensor = self.down_proj(up)
        return projected


class ResidualBranch(nn.Module):
    """A pre-norm residual branch: norm, layer, dropout, and LayerScale (Touvron et al., 2021)."""

    def __init__(self, config: GPTConfig, layer: nn.Module) -> None:
        super().__init__()
        self.norm, self.layer, self.dropout = build_norm(config), layer, Dropout(config.dropout)
        self.scale = None
        if config.layer_scale:
            self.scale = nn.Parameter(torch.full((config.d_model,), config.layer_scale))

    def forward(self, states: Tensor, *layer_args: Any) -> Tensor:
        """Map (n, length, d_model) to what is added to it."""
        update: Tensor = self.dropout(self.layer(self.norm(states), *layer_args))
        return update if self.scale is None else update * self.scale


class GPT(NextTokenModel):
    """A decoder-only transformer: token ids to next-token logits."""

    def __init__(self, config: GPTConfig, eos_token_id: int) -> None:
        super().__init__()
        self.config, self.eos_token_id = config, eos_token_id
        self.wte = nn.Embedding(config.vocab_size, config.d_model)
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
        self.untied_head = None  # by default the output uses `wte` (Press and Wolf, 2017)
        if not config.tie_embeddings:
            self.untied_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self._init_weights()

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to logits (n, length, vocab_size)."""
        return self.lm_head(self.hidden_states(ids))

    def next_token_logits(self, input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (n_targets, vocab_size) float32 and target ids (n_targets,)."""
        loss_mask = loss_mask[:, 1:]
        logits = self.lm_head(self.hidden_states(input_ids[:, :-1])[loss_mask])
        return logits.float(), input_ids[:, 1:][loss_mask]

    def lm_head(self, states: Tensor) -> Tensor:
        """Map hidden states (..., d_model) to logits (..., vocab_size)."""
        head = self.wte if self.untied_head is None else self.untied_head
        return linear(states, head.weight)

    def hidden_states(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to the last hidden states (n, length, d_model), after the norm."""
        length = ids.shape[1]
        states = self.wte(ids)
        if self.wpe is not None:
            states = states + self.wpe.weight[:length]
        states = self.dropout(states)
        causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
        attn_mask = causal[None, None]
        if self.config.document_mask:
            attn_mask = attn_mask & same_document_mask(ids, self.eos_token_id)
        for attention, feedforward in zip(self.attention, self.feedforward, strict=True):
            states = states + attention(states, attn_mask)
            states = states + feedforward(states)
        normed: Tensor = self.norm(states)
        return normed

    def _init_weights(self) -> None:
        std = 0.02  # as GPT-2
        residual_std = std / math.sqrt(2 * self.config.n_layer)
        for name, parameter in self.named_parameters():
            if name.endswith("bias") or name == "wpe.weight":  # as in the published baseline
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                is_residual = name.endswith(("out_proj.weight", "down_proj.weight"))
                scaled = self.config.scaled_residual_init and is_residual
                nn.init.normal_(parameter, std=residual_std if scaled else std)


def same_document_mask(ids: Tensor, eos_token_id: int) -> Tensor:
    """Return which pairs of tokens are of one document, (n, 1, length, length) bool.

    The end-of-text token of the previous document counts as the first token of the next one.
    """
    document = (ids == eos_token_id).cumsum(1)
    return (document[:, :, None] == document[:, None, :])[:, None]
