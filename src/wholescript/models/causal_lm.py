"""A decoder-only language model: the states of tokens, and the probability of the next."""

from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from wholescript.models.next_token import NextTokenModel
from wholescript.models.transformer_classifier import MODEL_SIZES, N_HEAD, check_size

FEEDFORWARD_MULTIPLE = 32  # of which the width of a feed-forward layer is one


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
        self.untied_head = None if tied else head
        self._model = (model,)  # in a tuple: what `base` has of it is not to be there twice

    @property
    def model(self) -> Any:
        """The model of transformers, which can write."""
        return self._model[0]

    def forward(self, input_ids: Tensor) -> Tensor:
        """Map (n, length) ids to states (n, length, d)."""
        states: Tensor = self.base(input_ids=input_ids, use_cache=False).last_hidden_state
        return states

    def next_token_logits(self, input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (asked, vocabulary) float32 and the tokens that came, (asked,)."""
        loss_mask = loss_mask[:, 1:]
        head = self.untied_head or self.model.get_output_embeddings()
        logits: Tensor = head(self(input_ids)[:, :-1][loss_mask])
        return logits.float(), input_ids[:, 1:][loss_mask]


def build_llama(vocab_size: int, size: str) -> CausalLM:
    """Return an untrained model of the design of Llama, of a size of `text_classifier.MODEL_SIZES`.

    Rotary positions, RMSNorm, SwiGLU, and one matrix for tokens that are read and written.

    Raises:
        ParameterError: an unknown size.
    """
    check_size(size)
    n_layer, d_model = MODEL_SIZES[size]
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=d_model,
            # Two thirds of the usual four times: SwiGLU has three matrices in place of two.
            intermediate_size=-(-8 * d_model // 3 // FEEDFORWARD_MULTIPLE) * FEEDFORWARD_MULTIPLE,
            num_hidden_layers=n_layer,
            num_attention_heads=N_HEAD,
            num_key_value_heads=N_HEAD,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    if not torch.cuda.is_available():
        model.set_attn_implementation("eager")  # as in `adapters.adapted`
    return CausalLM(model, model.model)
