"""Long-context models of a few thousand weights with a tokenizer, saved as on the hub."""

import torch
from transformers import (
    GPT2Config,
    GPT2Model,
    LongformerConfig,
    LongformerModel,
    Mamba2Config,
    Mamba2Model,
    MambaConfig,
    MambaModel,
    ModernBertConfig,
    ModernBertModel,
)

from tests.models.tiny_decoders import tokenizer
from wholescript.features.pretrained_encoders import quiet_loading

POSITIONS = 64
KINDS = ("longformer", "mamba", "mamba2", "modernbert", "gpt2")
"""As allenai/longformer-base-4096, state-spaces/mamba-130m-hf, Mamba-2,
answerdotai/ModernBERT-base and gpt2."""


def tiny_model(kind, vocab_size):
    ids = {"vocab_size": vocab_size, "bos_token_id": 0, "eos_token_id": 0}
    heads = {"num_attention_heads": 2, "intermediate_size": 32}
    layers = {"hidden_size": 16, "num_hidden_layers": 2}
    if kind == "longformer":
        return LongformerModel(
            LongformerConfig(
                attention_window=8, max_position_embeddings=POSITIONS + 2, pad_token_id=1,
                **ids, **heads, **layers,
            )
        )  # fmt: skip
    if kind == "mamba":
        return MambaModel(MambaConfig(state_size=4, pad_token_id=0, **ids, **layers))
    if kind == "mamba2":
        mixer = {"num_heads": 2, "head_dim": 16, "state_size": 4, "n_groups": 1, "chunk_size": 8}
        return Mamba2Model(Mamba2Config(pad_token_id=0, **mixer, **ids, **layers))
    if kind == "modernbert":
        special = {"pad_token_id": 0, "cls_token_id": 0, "sep_token_id": 0}
        return ModernBertModel(
            ModernBertConfig(
                max_position_embeddings=POSITIONS, local_attention=8,
                **special, **ids, **heads, **layers,
            )
        )  # fmt: skip
    return GPT2Model(GPT2Config(n_positions=POSITIONS, n_embd=16, n_layer=2, n_head=2, **ids))


def write_tiny(folder, kind):
    """Save a model with random weights and its tokenizer; return the path."""
    trained = tokenizer()
    torch.manual_seed(0)
    with quiet_loading():
        tiny_model(kind, len(trained)).save_pretrained(folder)
        trained.save_pretrained(folder)
    return str(folder)
