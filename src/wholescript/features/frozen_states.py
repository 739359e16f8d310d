"""What the frozen layers of the encoder give for some chunks of each film, cached by film.

Where only the last layers of an encoder are trained, those below give the same states in every
epoch: they are computed once.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from torch import Tensor

from wholescript.errors import DataError
from wholescript.features.encoder_config import DEFAULT_ENCODER
from wholescript.features.film_cache import cache_arrays, load_cached_arrays
from wholescript.features.pretrained_encoders import MeanPooledEncoder, quiet_loading
from wholescript.features.token_chunks import TokenChunks, evenly_spaced
from wholescript.files import CACHE

CHUNKS_PER_BATCH = 8
"""As many as fit into the CPU's cache."""
STATES, VECTORS = "states", "vectors"


@dataclass(frozen=True)
class FrozenStates:
    """Token states of at most `n_chunks` evenly spaced chunks of each film, read when needed.

    `tokens` are those of all chunks; the file `paths[i]` has the states of film i, (chunks,
    chunk_length + 2, d) float16. The states are what the layers above take in place of tokens.
    """

    tokens: TokenChunks
    n_chunks: int
    paths: Sequence[Path]

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of chunks with states of each film, (n,)."""
        return np.minimum(self.tokens.counts, self.n_chunks)

    def padded_chunks(
        self, film: int, chunk_indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return states (n, chunk_length + 2, d) and their mask of some of these chunks."""
        _, mask = self.tokens.padded_chunks(film, self.chunk_numbers(film)[chunk_indices])
        with safetensors.safe_open(self.paths[film], framework="numpy") as file:
            stored = file.get_slice(STATES)
            states = [stored[index : index + 1] for index in chunk_indices.tolist()]
        return np.concatenate(states).astype(np.float32), mask

    def chunk_numbers(self, film: int) -> NDArray[np.int64]:
        """Return which chunks of the film have states, (counts[film],)."""
        return evenly_spaced(int(self.tokens.counts[film]), self.n_chunks)


@dataclass(frozen=True)
class FrozenVectors:
    """The vectors of the frozen encoder of n films, (chunks, d) float32 each."""

    films: Sequence[NDArray[np.float32]]

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of chunks of each film, (n,)."""
        return np.array([len(film) for film in self.films], np.int64)

    def coordinates(self, film: int, dimensions: int | None = None) -> NDArray[np.float32]:
        """Return the first `dimensions` coordinates of a film's vectors, (chunks, dimensions)."""
        return self.films[film][:, :dimensions]


def cache_frozen_states(
    tokens: TokenChunks,
    text_sha1s: Sequence[str],
    n_layer: int,
    n_chunks: int,
    *,
    cache: Path = CACHE,
) -> None:
    """Encode `n_chunks` chunks of each film by the first `n_layer` layers; write a file per film.

    Films that are in the cache are skipped, so an interrupted run can be continued.
    """
    states = FrozenStates(tokens, n_chunks, ())

    @functools.cache
    def encoder() -> Any:  # loaded only if a film is not in the cache
        with quiet_loading():
            return MeanPooledEncoder(n_layer).encoder

    @torch.inference_mode()
    def encode(film: int) -> NDArray[np.float16]:
        ids, mask = tokens.padded_chunks(film, states.chunk_numbers(film))
        parts = []
        for start in range(0, len(ids), CHUNKS_PER_BATCH):
            batch, batch_mask = (
                torch.from_numpy(array[start : start + CHUNKS_PER_BATCH]) for array in (ids, mask)
            )
            found: Tensor = encoder()(input_ids=batch, attention_mask=batch_mask.long())[0]
            parts.append(found.numpy().astype(np.float16))
        return np.concatenate(parts)

    films = list(zip(text_sha1s, range(len(text_sha1s)), strict=True))
    path_of = functools.partial(_states_path, cache, tokens.chunk_length, n_layer, n_chunks)
    cache_arrays(films, path_of, encode, STATES, title="encoding", total=len(films))


def load_frozen_states(
    tokens: TokenChunks,
    text_sha1s: Sequence[str],
    n_layer: int,
    n_chunks: int,
    *,
    cache: Path = CACHE,
) -> FrozenStates:
    """Return the states that `cache_frozen_states` wrote.

    Raises:
        DataError: films are not in the cache; the message gives their number.
    """
    paths = [_states_path(cache, tokens.chunk_length, n_layer, n_chunks, s) for s in text_sha1s]
    if n_missing := sum(not path.exists() for path in paths):
        raise DataError(
            f"the states of {n_missing} of {len(paths)} films are not in the cache: call "
            "`cache_inputs` of the model with the texts of all films"
        )
    return FrozenStates(tokens, n_chunks, paths)


def cache_frozen_vectors(
    states: FrozenStates,
    text_sha1s: Sequence[str],
    encode: Callable[[Tensor, Tensor], Tensor],
    name: str,
    *,
    cache: Path = CACHE,
) -> None:
    """Encode the states of each film to vectors by the layers above; write a file per film.

    `encode` maps states and mask to (n, d). `name` names the layers in the cache.
    """

    @torch.inference_mode()
    def vectors(film: int) -> NDArray[np.float32]:
        chunks = np.arange(states.counts[film])
        parts = []
        for start in range(0, len(chunks), CHUNKS_PER_BATCH):
            inputs = states.padded_chunks(film, chunks[start : start + CHUNKS_PER_BATCH])
            parts.append(encode(*map(torch.from_numpy, inputs)).numpy())
        return np.concatenate(parts)

    films = list(zip(text_sha1s, range(len(text_sha1s)), strict=True))
    path_of = functools.partial(_vectors_path, cache, states, name)
    cache_arrays(films, path_of, vectors, VECTORS, title="frozen vectors", total=len(films))


def load_frozen_vectors(
    states: FrozenStates, text_sha1s: Sequence[str], name: str, *, cache: Path = CACHE
) -> FrozenVectors:
    """Return the vectors that `cache_frozen_vectors` wrote.

    Raises:
        DataError: films are not in the cache; the message gives their number.
    """
    path_of = functools.partial(_vectors_path, cache, states, name)
    return FrozenVectors(load_cached_arrays(text_sha1s, path_of, VECTORS, what="frozen vectors"))


def _states_path(
    cache: Path, chunk_length: int, n_layer: int, n_chunks: int, text_sha1: str
) -> Path:
    folder = f"{DEFAULT_ENCODER}-{n_layer}-layers-{n_chunks}x{chunk_length}"
    return cache / "frozen-states" / folder / f"{text_sha1}.safetensors"


def _vectors_path(cache: Path, states: FrozenStates, name: str, text_sha1: str) -> Path:
    folder = f"{DEFAULT_ENCODER}-{name}-{states.n_chunks}x{states.tokens.chunk_length}"
    return cache / "frozen-vectors" / folder / f"{text_sha1}.safetensors"
