"""A transformer encoder over tokens, trained from scratch, and its masked-language-model head."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from wholescript.models.dropout import FastDropout
from wholescript.models.pooling import Pooling, pool_tokens
from wholescript.models.transformer import Positions, Transformer


class ScratchEncoder(nn.Module):
    """Token embeddings, a transformer, and pooling to one vector per sequence.

    With `causal`, each token attends to itself and earlier tokens only. `pooling` is the last
    token's state or the mean over tokens; the default is "last" if causal and "mean" otherwise.
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int = 128,
        n_head: int = 4,
        d_feedforward: int = 512,
        n_layer: int = 2,
        *,
        positions: Positions = "sinusoidal",
        causal: bool = False,
        pooling: Pooling | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.d_model = d_model
        self.pooling: Pooling = pooling or ("last" if causal else "mean")
        self.embed = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embed.weight, std=d_model**-0.5)
        self.dropout = FastDropout(dropout)
        self.transformer = Transformer(
            d_model,
            n_head,
            d_feedforward,
            n_layer,
            positions=positions,
            causal=causal,
            dropout=dropout,
        )

    def hidden_states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the state of each token, (n, length, d_model)."""
        scale = self.d_model**0.5
        return self.transformer(self.dropout(self.embed(input_ids) * scale), attention_mask)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map right-padded (n, length) ids and their bool mask to vectors (n, d_model)."""
        states = self.hidden_states(input_ids, attention_mask)
        return pool_tokens(states, attention_mask, self.pooling)


class MaskedLanguageModel(nn.Module):
    """An encoder with a head that predicts masked tokens, tied to the token embedding."""

    def __init__(self, encoder: ScratchEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.vocab_size = encoder.embed.num_embeddings
        self.transform = nn.Sequential(
            nn.Linear(encoder.d_model, encoder.d_model), nn.GELU(), nn.LayerNorm(encoder.d_model)
        )
        self.bias = nn.Parameter(torch.zeros(self.vocab_size))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, masked: Tensor) -> Tensor:
        """Return logits (n_masked, vocab_size) where `masked` (n, length) is True."""
        states = self.encoder.hidden_states(input_ids, attention_mask)[masked]
        return linear(self.transform(states), self.encoder.embed.weight, self.bias)
