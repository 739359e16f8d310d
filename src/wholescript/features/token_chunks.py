"""Token ids of whole scripts, split into chunks, for models that are trained end to end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wholescript.features.chunks import offsets_of, pad_batch
from wholescript.features.encoder_config import encoder_tokenizer, special_token_ids
from wholescript.features.film_cache import cache_arrays, load_cached_arrays
from wholescript.files import CACHE

CHUNK_LENGTH = 254


@dataclass(frozen=True)
class TokenChunks:
    """`ids` (total,) uint16 are the concatenated token ids; film i ends at `offsets[i + 1]`.

    Chunks have `chunk_length` tokens and do not overlap; only the last chunk of a film may be
    shorter. `cls_token_id` and `sep_token_id` are added around each chunk; `pad_token_id` fills
    short ones.
    """

    ids: NDArray[np.uint16]
    offsets: NDArray[np.int64]
    cls_token_id: int
    sep_token_id: int
    pad_token_id: int
    chunk_length: int = CHUNK_LENGTH

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of chunks of each film, (n,)."""
        return -(-np.diff(self.offsets) // self.chunk_length)

    def padded_chunks(
        self, film: int, chunk_indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return ids and mask (true for tokens) of some chunks of a film, (n, chunk_length + 2)."""
        script, length = self.ids[self.offsets[film] : self.offsets[film + 1]], self.chunk_length
        chunks = [script[i * length : (i + 1) * length] for i in chunk_indices]
        ids, mask = pad_batch(
            [np.array([self.cls_token_id, *chunk, self.sep_token_id]) for chunk in chunks],
            self.pad_token_id,
            length + 2,
        )
        return ids, mask.astype(bool)


def evenly_spaced(count: int, size: int | None) -> NDArray[np.int64]:
    """Return the numbers of at most `size` of `count` chunks, in the middle of equal parts.

    None means all chunks.
    """
    size = min(size or count, count)
    return ((np.arange(size) + 0.5) * count / size).astype(np.int64)


def cache_tokens(
    scripts: Iterable[tuple[str, str]], *, total: int | None = None, cache: Path = CACHE
) -> None:
    """Tokenize scripts, given as (SHA-1 of the text, text), and write one cache file per film.

    Films that are in the cache are skipped, so an interrupted run can be continued.

    Raises:
        DependencyError: the package with the tokenizer is not installed.
    """
    tokenizer = encoder_tokenizer()

    def tokenize(text: str) -> NDArray[np.uint16]:
        return np.array(tokenizer.encode(text, add_special_tokens=False).ids, np.uint16)

    path_of = partial(_cache_path, cache)
    cache_arrays(scripts, path_of, tokenize, "ids", title="tokenizing", total=total)


def load_token_chunks(
    text_sha1s: Sequence[str], chunk_length: int = CHUNK_LENGTH, *, cache: Path = CACHE
) -> TokenChunks:
    """Return the tokens of the scripts with these hashes, in that order, from the cache.

    Raises:
        DataError: scripts are not in the cache or damaged; the message gives their number.
    """
    films = load_cached_arrays(text_sha1s, partial(_cache_path, cache), "ids", what="tokens")
    offsets = offsets_of([len(ids) for ids in films])
    return TokenChunks(np.concatenate(films), offsets, *special_token_ids(), chunk_length)


def _cache_path(cache: Path, sha1: str) -> Path:
    return cache / "tokens" / f"{sha1}.safetensors"
