"""Decoder-only language models in the architecture of transformers' causal models."""

from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from wholescript.models.next_token import NextTokenModel, select_targets
from wholescript.models.sizes import MODEL_SIZES, N_HEAD, check_size

FEEDFORWARD_ROUNDING = 32  # the feed-forward dimension is rounded up to a multiple of this


class CausalLM(NextTokenModel):
    """Maps token ids to final states; the output layer is applied to selected positions only.

    `base` are the blocks of `model`, a causal language model of transformers, possibly with
    adapters. Padding must be on the right, where no other token attends to it.
    """

    def __init__(self, model: Any, base: Any) -> None:
        super().__init__()
        self.base = base
        head = model.get_output_embeddings()
        tied = head.weight is model.get_input_embeddings().weight
        self.untied_head = None if tied else head
        self._model = (model,)  # in a tuple, so that its weights are not registered twice

    @property
    def model(self) -> Any:
        """The model of transformers, which can generate text."""
        return self._model[0]

    def forward(self, input_ids: Tensor) -> Tensor:
        """Map (n, length) ids to states (n, length, d)."""
        states: Tensor = self.base(input_ids=input_ids, use_cache=False).last_hidden_state
        return states

    def next_token_logits(self, input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (n_targets, vocab_size) float32 and target tokens (n_targets,)."""
        head = self.untied_head or self.model.get_output_embeddings()
        states, targets = select_targets(self(input_ids), input_ids, loss_mask)
        logits: Tensor = head(states)
        return logits.float(), targets


def build_llama(vocab_size: int, size: str) -> CausalLM:
    """Return an untrained Llama of one of `MODEL_SIZES`, with tied embeddings.

    Raises:
        ParameterError: an unknown size.
    """
    check_size(size)
    n_layer, d_model = MODEL_SIZES[size]
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=d_model,
            # Two thirds of 4 x d_model: SwiGLU has three matrices instead of two.
            intermediate_size=-(-8 * d_model // 3 // FEEDFORWARD_ROUNDING) * FEEDFORWARD_ROUNDING,
            num_hidden_layers=n_layer,
            num_attention_heads=N_HEAD,
            num_key_value_heads=N_HEAD,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    if not torch.cuda.is_available():
        model.set_attn_implementation("eager")  # faster on a CPU, see `adapters`
    return CausalLM(model, model.model)
