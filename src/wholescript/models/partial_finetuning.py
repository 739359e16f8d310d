"""The pretrained MiniLM encoder with its last layers trainable, as chunk encoders."""

import torch
from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.features.encoder_config import MINILM
from wholescript.features.pretrained_encoders import MeanPooledEncoder, quiet_loading
from wholescript.models.pooling import pool_tokens


class PartiallyFinetunedEncoder(nn.Module):
    """The first `n_layer` layers of the encoder, of which the last `n_unfrozen` are trained.

    The embeddings and the layers below stay frozen and keep no graph.
    """

    d_model = MINILM.d_model

    def __init__(self, n_layer: int = 3, n_unfrozen: int = 1) -> None:
        super().__init__()
        if not 0 <= n_unfrozen <= n_layer:
            raise ParameterError(f"n_unfrozen={n_unfrozen}: the encoder has {n_layer} layers")
        with quiet_loading():
            self.pooled_encoder = MeanPooledEncoder(n_layer)
        self.requires_grad_(False)
        for block in self.pooled_encoder.encoder.encoder.layer[n_layer - n_unfrozen :]:
            block.requires_grad_(True)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (n, length) ids and mask to (n, 384)."""
        vectors: Tensor = self.pooled_encoder(input_ids, attention_mask.to(torch.int64))
        return vectors


class UnfrozenLayers(nn.Module):
    """The last `n_unfrozen` of the first `n_layer` layers of the encoder, all of them trained.

    They take the states of the layers below, which are frozen and therefore computed only once
    (`features.frozen_states`). There is no dropout.
    """

    d_model = MINILM.d_model

    def __init__(self, n_layer: int = 3, n_unfrozen: int = 1) -> None:
        super().__init__()
        if not 0 < n_unfrozen < n_layer:
            raise ParameterError(
                f"n_unfrozen={n_unfrozen} must be at least 1 and below n_layer={n_layer}"
            )
        with quiet_loading():
            layers = MeanPooledEncoder(n_layer).encoder.encoder.layer
        self.layers = nn.ModuleList(layers[n_layer - n_unfrozen :])
        for module in self.layers.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # the dropout of attention doubles the time of a step on CPUs

    def forward(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        """Map states (n, length, 384) and their bool mask to means after the layers, (n, 384)."""
        bias = None
        if not attention_mask.all():
            bias = states.new_zeros(attention_mask.shape)
            bias = bias.masked_fill(~attention_mask, torch.finfo(states.dtype).min)[:, None, None]
        for layer in self.layers:
            states = layer(states, attention_mask=bias)
        return pool_tokens(states, attention_mask, "mean")
