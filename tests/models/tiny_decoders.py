"""Language models of a few thousand weights, saved in the format of transformers."""

import torch
from tokenizers import Tokenizer
from tokenizers.implementations import ByteLevelBPETokenizer
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from wholescript.features.pretrained_decoders import load_pretrained_lm
from wholescript.features.pretrained_encoders import quiet_loading

LANGUAGE = ["the old ferry left the pier at noon", "the pier was old and the ferry was late"]
END = "<|endoftext|>"
POSITIONS = 64


def tokenizer():
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        LANGUAGE, vocab_size=300, min_frequency=2, special_tokens=[END], show_progress=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(trained.to_str()), bos_token=END, eos_token=END
    )


def write_tiny(folder, kind="llama", steps=0, layers=2, tied=False, positions=POSITIONS):
    """Save a model trained on LANGUAGE for `steps` steps from random weights; return its path."""
    trained = tokenizer()
    torch.manual_seed(0)
    ends = {"vocab_size": len(trained), "bos_token_id": 0, "eos_token_id": 0}
    if kind == "gpt2":
        config = GPT2Config(n_positions=positions, n_embd=16, n_layer=2, n_head=2, **ends)
        model = GPT2LMHeadModel(config)
    else:
        config = LlamaConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=positions,
            tie_word_embeddings=tied,
            **ends,
        )
        model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for step in range(steps):
        ids = torch.tensor([[0, *trained.encode(LANGUAGE[step % 2], add_special_tokens=False)]])
        optimizer.zero_grad()
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    with quiet_loading():
        model.save_pretrained(folder)
        trained.save_pretrained(folder)
    return str(folder)


def language(name):
    """The token ids of a sentence of LANGUAGE for this model, (1, length)."""
    decoder = load_pretrained_lm(name)
    return torch.tensor([[decoder.bos_token_id, *decoder.encode(LANGUAGE[0])]])
