"""A pretrained decoder made short: its first blocks, and the tokens that some texts use most.

What a decoder of a hundred million weights costs a CPU is mostly its last blocks, which turn what a
text says into what its next word may be, and reading out over fifty thousand tokens. A text of one
kind needs few of those (Abdaoui et al., 2020), and what it says stands in the middle blocks.
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
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerFast

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import Decoder
from wholescript.features.pretrained_encoders import quiet_loading

LAST_WRITTEN_FILE = "tokenizer.json"
LENS_TEXTS, LENS_TOKENS = 256, 256  # that states are compared on
RIDGE = 1e-4


def prune_decoder(
    decoder: Decoder, texts: Sequence[str], *, blocks: int, vocabulary: int
) -> Decoder:
    """Return a decoder, changed in place, of its first blocks and at most `vocabulary` tokens.

    Its tokenizer still reads any text, since all bytes stay: a token that went is read in the
    pieces that it was made of. Its states are read out by a matrix of their own, in which the map
    by least squares to the states of the last block is multiplied with what read these (a "tuned
    lens", Belrose et al., 2023).

    Raises:
        ParameterError: there are not so many blocks or tokens, or so few tokens are not enough.
    """
    model, there = decoder.model, len(decoder.blocks)
    if not 1 <= blocks < there:
        raise ParameterError(f"blocks={blocks}: of {there} blocks 1 to {there - 1} can be kept")
    pieces, kept = prune_tokenizer(_backend(decoder), texts, vocabulary)
    bos_token_id = kept.index(decoder.bos_token_id)
    mark = decoder.tokenizer.convert_ids_to_tokens(decoder.bos_token_id)
    words = PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token=mark, eos_token=mark)
    read, write = (
        embedding.weight[kept].detach()
        for embedding in (model.get_input_embeddings(), model.get_output_embeddings())
    )
    model.set_input_embeddings(nn.Embedding.from_pretrained(read))
    short = replace(decoder, tokenizer=words, bos_token_id=bos_token_id)
    lens = _fit_tuned_lens(short, texts, blocks)
    del decoder.blocks[blocks:]
    head = nn.Linear(write.shape[1], write.shape[0], bias=False)
    head.weight = nn.Parameter(write @ lens)
    model.set_output_embeddings(head)
    nn.init.ones_(model.base_model.norm.weight)
    config = model.config
    config.num_hidden_layers, config.vocab_size = blocks, len(kept)
    config.tie_word_embeddings = False
    config.bos_token_id = config.eos_token_id = bos_token_id
    model.generation_config.update(
        bos_token_id=bos_token_id, eos_token_id=bos_token_id, pad_token_id=bos_token_id
    )
    if getattr(config, "layer_types", None):
        del config.layer_types[blocks:]
    return short


@torch.inference_mode()
def _fit_tuned_lens(decoder: Decoder, texts: Sequence[str], blocks: int) -> Tensor:
    """Return the map (d, d) from normed states behind `blocks` blocks to those behind the last."""
    drawn = np.random.default_rng(0).permutation(len(texts))[:LENS_TEXTS]
    d_model = decoder.d_model
    squares = torch.zeros(d_model, d_model, dtype=torch.float64)
    products = torch.zeros_like(squares)
    for text in tqdm([texts[row] for row in drawn], desc="reading out", leave=False):
        ids = torch.tensor([[decoder.bos_token_id, *decoder.tokens(text)[:LENS_TOKENS]]])
        states = decoder.model.base_model(ids, output_hidden_states=True).hidden_states
        # The first token's state is many times as large as any other, and none is read after it.
        early, late = (states[place][0, 1:].double() for place in (blocks, -1))
        early = rms_norm(early, early.shape[1:], eps=decoder.model.config.rms_norm_eps)
        squares += early.T @ early
        products += early.T @ late
    squares.diagonal().add_(RIDGE * squares.diagonal().mean())
    return torch.linalg.solve(squares, products).T.float()


def prune_tokenizer(
    tokenizer: Tokenizer, texts: Sequence[str], size: int
) -> tuple[Tokenizer, list[int]]:
    """Return a byte-level BPE of at most `size` tokens, and the old id of each, in order.

    Kept are the bytes, the special tokens, and those that the texts use most with the pieces that
    they are made of.

    Raises:
        ParameterError: the tokenizer is no BPE, has no more tokens, or needs more for its bytes.
    """
    spec = json.loads(tokenizer.to_str())
    model = spec["model"]
    if model["type"] != "BPE":
        raise ParameterError(f"a tokenizer of the kind {model['type']} cannot be shortened: a BPE")
    vocabulary = tokenizer.get_vocab()  # with tokens that were added to those of the model
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    parts = {left + right: (left, right) for left, right in reversed(merges)}
    kept = {token for token in vocabulary if token not in parts}
    kept |= {token["content"] for token in spec["added_tokens"]}
    if not len(kept) < size <= len(vocabulary):
        raise ParameterError(
            f"vocabulary={size}: there are {len(vocabulary):,} tokens, of which {len(kept)} must "
            "stay, the bytes among them"
        )
    used: Counter[str] = Counter()
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        used.update(encoding.tokens)
    for token, _ in used.most_common():
        needed = _merge_ancestors(token, parts) - kept
        if len(kept) + len(needed) <= size:
            kept |= needed
    old = sorted((vocabulary[token], token) for token in kept)
    model["vocab"] = {token: number for number, (_, token) in enumerate(old)}
    model["merges"] = [m for m in merges if {*m, "".join(m)} <= kept]
    for added in spec["added_tokens"]:
        added["id"] = model["vocab"][added["content"]]
    return Tokenizer.from_str(json.dumps(spec)), [number for number, _ in old]


def write_decoder(decoder: Decoder, folder: Path) -> None:
    """Write a decoder where `load_decoder` finds it by the folder's name; WRITTEN_LAST ends it."""
    with quiet_loading():
        decoder.model.save_pretrained(folder)
        decoder.tokenizer.save_pretrained(folder)


def _backend(decoder: Decoder) -> Tokenizer:
    backend = getattr(decoder.tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ParameterError("only a tokenizer of the library tokenizers can be shortened")
    return backend


def _merge_ancestors(token: str, parts: dict[str, tuple[str, str]]) -> set[str]:
    """Return a token and all that it is merged from, step by step."""
    found, asked = set[str](), [token]
    while asked:
        piece = asked.pop()
        if piece not in found:
            found.add(piece)
            asked.extend(parts.get(piece, ()))
    return found
