"""Frozen sentence embeddings: one unit vector per text, cached per list of texts.

The encoder is all-MiniLM-L6-v2 as published: all six layers, the mean over hidden states, scaled
to length 1 (Reimers and Gurevych, 2019). A text longer than the encoder's maximum is split into
pieces of equal length; its vector is the mean over the hidden states of all pieces.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import safetensors
from annotated_types import Interval
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm import tqdm

from wholescript.data.checks import check_texts
from wholescript.features.chunks import pad_batch
from wholescript.features.encoder_config import (
    MINILM,
    ChunkEncoder,
    EncoderConfig,
    Engine,
    Precision,
    encoder_tokenizer,
    packaged_encoder,
    special_token_ids,
)
from wholescript.files import CACHE, write_atomic

SENTENCE_CACHE = CACHE / "sentences"
N_SPECIAL_TOKENS = 2  # [CLS] and [SEP]
TOKENS_PER_BATCH = 1_024  # with padding; larger batches do not fit into the CPU's cache
TEXTS_PER_TOKENIZER_CALL = 1_000


@dataclass(frozen=True, kw_only=True)
class SentenceEmbeddingConfig(EncoderConfig):
    """Settings of the embeddings; `max_tokens` of a piece include its two special tokens."""

    n_layer: int = 6
    max_tokens: Annotated[int, Interval(ge=N_SPECIAL_TOKENS + 1, le=MINILM.max_positions)] = (
        MINILM.max_positions
    )

    def to_json(self) -> str:
        """Return the settings as JSON, for cache keys."""
        return json.dumps(self.as_dict(), sort_keys=True)


def embed_sentences(
    texts: Sequence[str],
    settings: SentenceEmbeddingConfig | None = None,
    *,
    cache: Path = SENTENCE_CACHE,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Return one vector per text, (n, 384), of length 1 up to the rounding of float16.

    The vectors of the same texts in the same order, with the same settings, are read from `cache`,
    one safetensors file (float16); the first call returns the same values. `progress` shows a bar
    with texts per second.

    Raises:
        DataError: there is no text, or one is empty (`check_texts`).
        DependencyError: the package with the weights is not installed.
        ParameterError: the encoder has fewer layers than `n_layer`.
    """
    check_texts(texts)
    settings = (settings or SentenceEmbeddingConfig()).resolved()
    path = cache / f"{embedding_cache_key(texts, settings)}.safetensors"
    try:
        vectors = load_file(path)["vectors"]
    except (FileNotFoundError, safetensors.SafetensorError):
        encoder = _encoder(settings.n_layer, settings.engine, settings.precision)
        means = encode_texts(texts, encoder, settings.max_tokens, progress=progress)
        vectors = means.astype(np.float16)
        write_atomic(path, save({"vectors": vectors}, metadata={"settings": settings.to_json()}))
    return vectors.astype(np.float32)


def encode_texts(
    texts: Sequence[str],
    encoder: ChunkEncoder,
    max_tokens: int = MINILM.max_positions,
    *,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Return the normalized mean over the hidden states of each text, (n, d_model), uncached.

    Pieces of similar length are in one batch, which needs little padding, and the longest are
    first, so that the progress bar does not underestimate the remaining time.
    """
    pieces, owners = _tokenized_pieces(texts, encoder.encoder, max_tokens)
    sums = np.zeros((len(texts), packaged_encoder(encoder.encoder).d_model))
    pad = special_token_ids(encoder.encoder)[2]
    n_remaining = np.bincount(owners, minlength=len(texts))
    with tqdm(total=len(texts), unit="text", desc="embedding", disable=not progress) as bar:
        for batch in _length_sorted_batches([len(piece) for piece in pieces]):
            ids, mask = pad_batch([pieces[i] for i in batch], pad)
            # Weight the mean of a piece by its number of tokens.
            states = encoder.encode(ids, mask) * mask.sum(1, keepdims=True)
            np.add.at(sums, owners[batch], states)
            np.subtract.at(n_remaining, owners[batch], 1)
            bar.update(int((n_remaining == 0).sum()) - bar.n)
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


def embedding_cache_key(texts: Sequence[str], settings: SentenceEmbeddingConfig) -> str:
    """Return the SHA-256, in hex, of the texts in order, the settings and the encoder."""
    digest = hashlib.sha256(f"{MINILM.package} {settings.to_json()}".encode())
    for text in texts:
        raw = text.encode(errors="surrogatepass")
        # The length distinguishes other divisions of the same characters into texts.
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


@functools.cache
def count_encoder_parameters(n_layer: int = 6) -> int:
    """Return the number of parameters of the encoder with `n_layer` layers, from its file."""
    total = 0
    with safetensors.safe_open(MINILM.folder / "model.safetensors", framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118 (not a mapping)
            layer = name.split("encoder.layer.")[1:]
            unused = int(layer[0].split(".")[0]) >= n_layer if layer else "pooler" in name
            if not unused and "position_ids" not in name:
                total += int(np.prod(file.get_slice(name).get_shape()))
    return total


@functools.cache
def _encoder(n_layer: int, engine: Engine, precision: Precision) -> ChunkEncoder:
    from wholescript.features.pretrained_encoders import load_encoder

    return load_encoder(n_layer, engine, precision)


def _tokenized_pieces(
    texts: Sequence[str], encoder: str, max_tokens: int
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return the token ids of all pieces of all texts, and the row of the text of each."""
    tokenizer = encoder_tokenizer(encoder)
    cls, sep, _ = special_token_ids(encoder)
    pieces, owners = [], []
    for start in range(0, len(texts), TEXTS_PER_TOKENIZER_CALL):
        block = list(texts[start : start + TEXTS_PER_TOKENIZER_CALL])
        for row, encoding in enumerate(
            tokenizer.encode_batch_fast(block, add_special_tokens=False), start
        ):
            ids = np.array(encoding.ids, np.int64)
            count = max(1, -(-len(ids) // (max_tokens - N_SPECIAL_TOKENS)))
            for piece in np.array_split(ids, count):
                pieces.append(np.concatenate([[cls], piece, [sep]]))
                owners.append(row)
    return pieces, np.array(owners)


def _length_sorted_batches(lengths: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of the pieces of each batch, longest first."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, TOKENS_PER_BATCH // lengths[order[start]])
        yield order[start : start + size]
        start += size
