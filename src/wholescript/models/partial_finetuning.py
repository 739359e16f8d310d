"""A pretrained encoder whose last blocks are trained on, as the encoder of a chunked classifier."""

import torch
from torch import Tensor, nn

from wholescript.errors import ParameterError
from wholescript.features.pretrained_encoders import WIDTH, PooledEncoder, quiet_loading


class ThawedEncoder(nn.Module):
    """The first `layers` blocks of the frozen encoder, the last `thawed` of them trainable.

    Blocks below and the embeddings keep their weights and no graph.
    """

    d_model = WIDTH

    def __init__(self, layers: int = 3, thawed: int = 1) -> None:
        super().__init__()
        if not 0 <= thawed <= layers:
            raise ParameterError(f"thawed={thawed} blocks: the encoder has {layers}")
        with quiet_loading():
            self.pooled = PooledEncoder(layers)
        self.requires_grad_(False)
        for block in self.pooled.encoder.encoder.layer[layers - thawed :]:
            block.requires_grad_(True)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (n, length) ids and mask to (n, 384)."""
        vectors: Tensor = self.pooled(input_ids, attention_mask.to(torch.int64))
        return vectors
