"""The pretrained MiniLM encoder with its last layers trainable, as a chunk encoder."""

import torch
from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.features.encoder_config import MINILM
from wholescript.features.pretrained_encoders import MeanPooledEncoder, quiet_loading


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
