"""A decoder-only language model: the states of tokens, and the probability of the next."""

from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from wholescript.models.next_token import NextTokenModel
from wholescript.models.transformer_classifier import HEADS, SIZES, check_size

MULTIPLE = 32  # of which the width of a feed-forward layer is one


class CausalLM(NextTokenModel):
    """Maps token ids to the states after them, from which the next token is read.

    `base` are the blocks of `model`, a causal language model of transformers; they may carry
    adapters. Padding must stand on the right, where no token that counts reads it.
    """

    def __init__(self, model: Any, base: Any) -> None:
        super().__init__()
        self.base = base
        head = model.get_output_embeddings()
        tied = head.weight is model.get_input_embeddings().weight
        self.own_head = None if tied else head
        self._model = (model,)  # in a tuple: what `base` has of it is not to be there twice

    @property
    def model(self) -> Any:
        """The model of transformers, which can write."""
        return self._model[0]

    def forward(self, input_ids: Tensor) -> Tensor:
        """Map (n, length) ids to states (n, length, d)."""
        states: Tensor = self.base(input_ids=input_ids, use_cache=False).last_hidden_state
        return states

    def next_tokens(self, input_ids: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (asked, vocabulary) float32 and the tokens that came, (asked,)."""
        asked = asked[:, 1:]
        head = self.own_head or self.model.get_output_embeddings()
        logits: Tensor = head(self(input_ids)[:, :-1][asked])
        return logits.float(), input_ids[:, 1:][asked]


def scratch_language_model(vocabulary: int, size: str) -> CausalLM:
    """Return an untrained model of the design of Llama, of a size of `text_classifier.SIZES`.

    Rotary positions, RMSNorm, SwiGLU, and one matrix for tokens that are read and written.

    Raises:
        ParameterError: an unknown size.
    """
    check_size(size)
    layers, width = SIZES[size]
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            # Two thirds of the usual four times: SwiGLU has three matrices in place of two.
            intermediate_size=-(-8 * width // 3 // MULTIPLE) * MULTIPLE,
            num_hidden_layers=layers,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    if not torch.cuda.is_available():
        model.set_attn_implementation("eager")  # as in `adapters.adapted`
    return CausalLM(model, model.model)
