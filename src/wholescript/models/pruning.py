"""Pruning of a pretrained decoder to its first layers and the most used part of its vocabulary.

On a CPU, most of the cost of a model of a hundred million weights is in its last layers and in the
output layer over fifty thousand tokens. Texts of one domain need a part of the vocabulary (Abdaoui
et al., 2020), and the middle layers represent them well.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import rms_norm
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import PretrainedLM
from wholescript.features.pretrained_encoders import quiet_loading

LAST_WRITTEN_FILE = "tokenizer.json"
LENS_TEXTS, LENS_TOKENS = 256, 256  # the sample on which the tuned lens is fitted
RIDGE = 1e-4  # relative to the mean of the diagonal


def prune_decoder(
    decoder: PretrainedLM, texts: Sequence[str], *, n_layer: int, vocab_size: int
) -> PretrainedLM:
    """Return a decoder, changed in place, with its first `n_layer` layers and `vocab_size` tokens.

    The tokenizer still encodes any text, since all bytes are kept: a removed token is split into
    its parts. The output layer is untied. It is the old one times the linear map, fitted by least
    squares, from the states of the last kept layer to those of the last layer (a "tuned lens",
    Belrose et al., 2023).

    Raises:
        ParameterError: the model has too few layers or tokens, or `vocab_size` is below the number
            of bytes and special tokens.
    """
    model, n_layer_before = decoder.model, len(decoder.layers)
    if not 1 <= n_layer < n_layer_before:
        raise ParameterError(
            f"n_layer={n_layer}: a model of {n_layer_before} layers can keep 1 to "
            f"{n_layer_before - 1}"
        )
    backend, kept = prune_tokenizer(_backend(decoder), texts, vocab_size)
    bos_token_id = kept.index(decoder.bos_token_id)
    bos = decoder.tokenizer.convert_ids_to_tokens(decoder.bos_token_id)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=bos, eos_token=bos)
    embedding, output = (
        module.weight[kept].detach()
        for module in (model.get_input_embeddings(), model.get_output_embeddings())
    )
    model.set_input_embeddings(nn.Embedding.from_pretrained(embedding))
    pruned = replace(decoder, tokenizer=tokenizer, bos_token_id=bos_token_id)
    lens = _fit_tuned_lens(pruned, texts, n_layer)
    del decoder.layers[n_layer:]
    head = nn.Linear(output.shape[1], output.shape[0], bias=False)
    head.weight = nn.Parameter(output @ lens)
    model.set_output_embeddings(head)
    nn.init.ones_(model.base_model.norm.weight)
    config = model.config
    config.num_hidden_layers, config.vocab_size = n_layer, len(kept)
    config.tie_word_embeddings = False
    config.bos_token_id = config.eos_token_id = bos_token_id
    model.generation_config.update(
        bos_token_id=bos_token_id, eos_token_id=bos_token_id, pad_token_id=bos_token_id
    )
    if getattr(config, "layer_types", None):
        del config.layer_types[n_layer:]
    return pruned


@torch.inference_mode()
def _fit_tuned_lens(decoder: PretrainedLM, texts: Sequence[str], n_layer: int) -> Tensor:
    """Return the linear map (d, d) from normed states after `n_layer` layers to final states."""
    sample = np.random.default_rng(0).permutation(len(texts))[:LENS_TEXTS]
    d_model = decoder.d_model
    squares = torch.zeros(d_model, d_model, dtype=torch.float64)
    products = torch.zeros_like(squares)
    for text in tqdm([texts[row] for row in sample], desc="fit tuned lens", leave=False):
        ids = torch.tensor([[decoder.bos_token_id, *decoder.encode(text)[:LENS_TOKENS]]])
        states = decoder.model.base_model(ids, output_hidden_states=True).hidden_states
        # The state of the first token is many times as large as any other: leave it out.
        early, late = (states[layer][0, 1:].double() for layer in (n_layer, -1))
        early = rms_norm(early, early.shape[1:], eps=decoder.model.config.rms_norm_eps)
        squares += early.T @ early
        products += early.T @ late
    squares.diagonal().add_(RIDGE * squares.diagonal().mean())
    return torch.linalg.solve(squares, products).T.float()


def prune_tokenizer(
    tokenizer: Tokenizer, texts: Sequence[str], size: int
) -> tuple[Tokenizer, list[int]]:
    """Return a byte-level BPE of at most `size` tokens, and the old ids of its tokens in order.

    It keeps the bytes, the special tokens, and the tokens that occur most in the texts with the
    parts that they are merged from.

    Raises:
        ParameterError: the tokenizer is no BPE, or `size` is too small or exceeds its vocabulary.
    """
    spec = json.loads(tokenizer.to_str())
    model = spec["model"]
    if model["type"] != "BPE":
        raise ParameterError(f"a tokenizer of type {model['type']} cannot be pruned: use a BPE")
    vocabulary = tokenizer.get_vocab()  # includes added tokens
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    parts = {left + right: (left, right) for left, right in reversed(merges)}
    kept = {token for token in vocabulary if token not in parts}
    kept |= {token["content"] for token in spec["added_tokens"]}
    if not len(kept) < size <= len(vocabulary):
        raise ParameterError(
            f"vocab_size={size} must be above {len(kept)} (bytes and special tokens) and at most "
            f"{len(vocabulary):,}"
        )
    counts: Counter[str] = Counter()
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        counts.update(encoding.tokens)
    for token, _ in counts.most_common():
        needed = _merge_ancestors(token, parts) - kept
        if len(kept) + len(needed) <= size:
            kept |= needed
    old = sorted((vocabulary[token], token) for token in kept)
    model["vocab"] = {token: number for number, (_, token) in enumerate(old)}
    model["merges"] = [m for m in merges if {*m, "".join(m)} <= kept]
    for added in spec["added_tokens"]:
        added["id"] = model["vocab"][added["content"]]
    return Tokenizer.from_str(json.dumps(spec)), [number for number, _ in old]


def write_decoder(decoder: PretrainedLM, folder: Path) -> None:
    """Write a decoder for `load_pretrained_lm(folder)`; `LAST_WRITTEN_FILE` marks the end."""
    with quiet_loading():
        decoder.model.save_pretrained(folder)
        decoder.tokenizer.save_pretrained(folder)


def _backend(decoder: PretrainedLM) -> Tokenizer:
    backend = getattr(decoder.tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ParameterError("only a tokenizer of the tokenizers library can be pruned")
    return backend


def _merge_ancestors(token: str, parts: dict[str, tuple[str, str]]) -> set[str]:
    """Return a token and all tokens that it is merged from, recursively."""
    found, pending = set[str](), [token]
    while pending:
        part = pending.pop()
        if part not in found:
            found.add(part)
            pending.extend(parts.get(part, ()))
    return found
