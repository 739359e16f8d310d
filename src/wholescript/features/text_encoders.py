"""Embeddings of whole fields of films by any encoder of transformers, by hub name or folder.

A text is split into chunks of tokens. Each chunk has the prefix before it; its vector is the mean
over the hidden states of all its tokens, scaled to length 1, as the encoders called E5 are used
(Wang et al., 2022). The vector of a text is the mean over its chunks.
"""

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from wholescript.data.films import ScreenplayTexts
from wholescript.errors import ParameterError
from wholescript.features.chunks import Chunking, pad_batch
from wholescript.features.film_cache import cache_arrays, load_cached_arrays
from wholescript.features.film_vectors import FilmVectors, join_blocks
from wholescript.features.pretrained_models import (
    loading,
    max_tokens,
    pretrained_version,
    shown_name,
)
from wholescript.files import CACHE
from wholescript.settings import NonNegativeInt, PositiveInt, Settings

E5 = "intfloat/e5-base-v2"
E5_REVISION = "f52bf8ec8c7124536f0efb74aca902b2995e5bcd"
E5_PREFIX = "query: "
"""What the model card of E5 asks for where embeddings are features of a classifier; `passage: ` is
for the documents of a search."""
CHUNKS_PER_BATCH = {"cpu": 8, "mps": 16, "cuda": 64}


@dataclass(frozen=True, kw_only=True)
class TextEncoderConfig(Settings):
    """An encoder and how texts are split for it.

    Args:
        encoder: name on the hub, or a folder written by `save_pretrained`.
        revision: commit, tag or branch on the hub; None: its main branch. A folder has none.
        prefix: text before each chunk.
        chunk_length: tokens of a chunk with its prefix and special tokens; at most what the encoder
            takes.
        chunk_overlap: tokens that consecutive chunks share.
        max_chunks: the first chunks of each text that are embedded; None: all.
    """

    encoder: str = E5
    revision: str | None = None
    prefix: str = E5_PREFIX
    chunk_length: PositiveInt = 512
    chunk_overlap: NonNegativeInt = 64
    max_chunks: PositiveInt | None = None


@dataclass(frozen=True)
class TextEncoder:
    """A loaded encoder; `head` and `tail` are the special tokens around a text."""

    model: nn.Module
    prefix_ids: NDArray[np.int64]
    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    pad_id: int
    tokenizer: Any
    chunking: Chunking
    device: str

    def embed(self, text: str, max_chunks: int | None = None) -> NDArray[np.float32]:
        """Return the mean vector of the first chunks of a text, (d_model,)."""
        ids = np.array(_token_ids(self.tokenizer, text), np.int64)
        chunks = [
            np.concatenate([self.head, self.prefix_ids, chunk, self.tail])
            for chunk in self.chunking.split(ids)[:max_chunks]
        ]
        size = CHUNKS_PER_BATCH[self.device]
        vectors = [
            self._embed_batch(chunks[start : start + size]) for start in range(0, len(chunks), size)
        ]
        return np.asarray(np.concatenate(vectors).mean(axis=0), np.float32)

    @torch.inference_mode()
    def _embed_batch(self, chunks: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        ids, mask = (
            torch.from_numpy(array).to(self.device) for array in pad_batch(chunks, self.pad_id)
        )
        states: Tensor = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask.unsqueeze(-1)
        means = (states * weights).sum(1) / weights.sum(1)
        return np.asarray(nn.functional.normalize(means, dim=1).cpu().numpy())


def embed_fields(
    fields: Mapping[str, ScreenplayTexts],
    config: TextEncoderConfig,
    *,
    device: str = "cpu",
    cache: Path = CACHE,
) -> FilmVectors:
    """Embed each field of n films on its own; return their vectors side by side.

    `fields` maps the name of a field to its texts, of the same films in the same order. Vectors
    are cached by text, so an interrupted call can be continued. The identity of the result has the
    settings and the version of the encoder: the commit, or a hash of the files of a folder.

    Raises:
        ParameterError: the encoder cannot be loaded, has a decoder beside it, or does not take such
            chunks.
        DataError: a text cannot be used.
    """
    identity = encoder_identity(config)
    if not Path(config.encoder).is_dir():  # all of its files are then those of one commit
        config = replace(config, revision=identity["revision"])
    key = hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()[:16]

    def path_of(sha1: str) -> Path:
        return cache / "text-encoders" / key / f"{sha1}.safetensors"

    @functools.cache
    def encoder() -> TextEncoder:  # loaded only if a text is not in the cache
        return load_text_encoder(config, device)

    def embed(text: str) -> NDArray[np.float32]:
        return encoder().embed(text, config.max_chunks)

    blocks = []
    for name, texts in fields.items():
        hashes: list[str] = []
        cache_arrays(_hashed(texts, hashes), path_of, embed, "vector", title=name, total=len(texts))
        vectors = load_cached_arrays(hashes, path_of, "vector", what=f"embeddings of the {name}")
        blocks.append(np.stack(vectors))
    return join_blocks(blocks, {**identity, "fields": list(fields)})


def load_text_encoder(config: TextEncoderConfig, device: str = "cpu") -> TextEncoder:
    """Load an encoder with its tokenizer.

    Raises:
        ParameterError: it cannot be loaded, has a decoder beside it, or its chunks have no room for
            the prefix and the overlap.
    """
    check_encoder(config)
    model = _load(AutoModel, config, dtype=torch.float32)
    tokenizer = _load(AutoTokenizer, config)
    head, tail = _special_tokens(tokenizer)
    # Without the space at its end: tokenizers that begin words with it add it before the text.
    prefix_ids = _token_ids(tokenizer, config.prefix.rstrip()) if config.prefix else []
    positions = max_tokens(model) or config.chunk_length
    length = min(config.chunk_length, positions, tokenizer.model_max_length)
    room = length - len(head) - len(tail) - len(prefix_ids)
    if room <= config.chunk_overlap:
        raise ParameterError(
            f"chunks of {length} tokens leave {room} for the text beside the prefix "
            f"{config.prefix!r} and special tokens, chunk_overlap={config.chunk_overlap}: give "
            "a smaller overlap or longer chunks"
        )
    return TextEncoder(
        model.to(device).eval(),
        np.array(prefix_ids, np.int64),
        head,
        tail,
        int(tokenizer.pad_token_id or 0),
        tokenizer,
        Chunking(room, config.chunk_overlap),
        device,
    )


def encoder_identity(config: TextEncoderConfig) -> dict[str, Any]:
    """Return the settings with the version of the encoder, JSON-able and without a machine's path.

    Raises:
        ParameterError: the encoder cannot be found.
    """
    version = pretrained_version(config.encoder, config.revision)
    return {**asdict(config), "encoder": shown_name(config.encoder), "revision": version}


def check_encoder(config: TextEncoderConfig) -> None:
    """Raise ParameterError if the encoder cannot be loaded, or has a decoder beside it.

    Only its settings are read, not its weights.
    """
    loaded = _load(AutoConfig, config)
    if loaded.is_encoder_decoder:
        raise ParameterError(
            f"the encoder {config.encoder} ({loaded.model_type}) has an encoder and a decoder: "
            f"choose a model with one of them, such as {E5}"
        )


def _load(cls: Any, config: TextEncoderConfig, **options: Any) -> Any:
    source = config.encoder
    revision = None if Path(source).is_dir() else config.revision
    with loading(f"the encoder {source} at {revision}" if revision else f"the encoder {source}"):
        return cls.from_pretrained(source, revision=revision, **options)


def _token_ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return found


def _special_tokens(tokenizer: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the special tokens before and after a text."""
    text = "a"
    bare, full = _token_ids(tokenizer, text), tokenizer(text)["input_ids"]
    start = next(i for i in range(len(full)) if full[i : i + len(bare)] == bare)
    end = start + len(bare)
    return np.array(full[:start], np.int64), np.array(full[end:], np.int64)


def _hashed(texts: ScreenplayTexts, hashes: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the SHA-1 and the text of each film, and append the hashes; a text may be empty."""
    for film_id in texts:
        text = texts[film_id] if texts.raw(film_id).strip() else ""
        hashes.append(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
        yield hashes[-1], text
