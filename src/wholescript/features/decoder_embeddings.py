"""Chunk embeddings from a frozen decoder-only language model, for some chunks of each script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.features.chunks import offsets_of, pad_batch
from wholescript.features.compression import fit_pca_rotation, quantize
from wholescript.features.film_cache import cache_arrays, load_cached_arrays
from wholescript.features.pretrained_decoders import PretrainedLM, frozen_decoder
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import CACHE


@dataclass(frozen=True)
class DecoderEmbeddingConfig:
    """`n_chunks` evenly spaced chunks of `chunk_length` tokens of each script, and the model.

    A chunk's vector is the mean of its hidden states after the first `n_layer` layers: the last
    layers of a language model represent the next token more than the input.
    """

    model: str = "smollm2"
    n_layer: int = 15
    n_chunks: int = 8
    chunk_length: int = 254

    def cache_path(self, text_sha1: str, cache: Path = CACHE) -> Path:
        """Return the cache file of a text."""
        folder = f"{self.model}-{self.n_layer}-{self.n_chunks}x{self.chunk_length}"
        return cache / "decoder-chunks" / folder / f"{text_sha1}.safetensors"


def cache_decoder_embeddings(
    scripts: Iterable[tuple[str, str]],
    settings: DecoderEmbeddingConfig,
    *,
    total: int | None = None,
    cache: Path = CACHE,
) -> None:
    """Embed scripts, given as (SHA-1 of the text, text), and write one cache file per film.

    Films that are in the cache are skipped, so an interrupted run can be continued.

    Raises:
        DependencyError: the package with the model is not installed.
        ParameterError: the model cannot be loaded or has fewer layers.
    """
    dtype = torch.bfloat16 if cpu_has_bfloat16() else torch.float32

    def embed(text: str) -> NDArray[np.float16]:
        decoder = frozen_decoder(settings.model, settings.n_layer, dtype)  # loaded if it is needed
        vectors = embed_chunks(decoder, text, settings.n_chunks, settings.chunk_length)
        return vectors.astype(np.float16)

    path_of = partial(settings.cache_path, cache=cache)
    cache_arrays(scripts, path_of, embed, "vectors", title="decoder", total=total)


@torch.inference_mode()
def embed_chunks(
    decoder: PretrainedLM, text: str, n_chunks: int, chunk_length: int
) -> NDArray[np.float32]:
    """Return the mean hidden states of at most `n_chunks` chunks of a text, (chunks, d_model)."""
    ids = decoder.encode(text)
    chunks = [ids[start : start + chunk_length] for start in range(0, len(ids), chunk_length)]
    size = min(n_chunks, len(chunks))
    chosen = ((np.arange(size) + 0.5) * len(chunks) / size).astype(int)
    bos = decoder.bos_token_id
    padded, mask = map(
        torch.from_numpy, pad_batch([np.array([bos, *chunks[i]]) for i in chosen], bos)
    )
    states = decoder.model.base_model(
        input_ids=padded, attention_mask=mask, use_cache=False
    ).last_hidden_state.float()
    # The first token is an attention sink: its state is much larger than all others.
    weight = mask.clone()
    weight[:, 0] = 0
    mean = (states * weight.unsqueeze(-1)).sum(1) / weight.sum(1, keepdim=True)
    return np.asarray(mean.numpy(), np.float32)


def load_decoder_embeddings(
    text_sha1s: Sequence[str], settings: DecoderEmbeddingConfig, *, cache: Path = CACHE
) -> ChunkEmbeddings:
    """Return the embeddings of the scripts with these hashes, in their principal axes.

    Raises:
        DataError: scripts are not in the cache or damaged; the message gives their number.
    """
    path_of = partial(settings.cache_path, cache=cache)
    films = load_cached_arrays(text_sha1s, path_of, "vectors", what=f"{settings.model} embeddings")
    vectors = np.concatenate(films)
    rotation = fit_pca_rotation(vectors)
    offsets = offsets_of([len(chunks) for chunks in films])
    return ChunkEmbeddings(quantize(vectors, rotation), offsets, rotation)
