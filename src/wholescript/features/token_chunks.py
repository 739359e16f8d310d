"""Token ids of whole scripts, split into chunks, for models that are trained end to end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm.auto import tqdm

from wholescript.errors import DataError
from wholescript.features.chunks import pad_batch
from wholescript.features.pretrained_encoders import wordpiece_tokenizer
from wholescript.files import ROOT, write_atomic

CACHE = ROOT / ".cache"
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
        """The number of chunks of each film, (films,)."""
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


def cache_tokens(
    scripts: Iterable[tuple[str, str]], *, total: int | None = None, cache: Path = CACHE
) -> None:
    """Tokenize scripts, given as (SHA-1 of the text, text), and write one cache file per film.

    Films that are in the cache are skipped, so an interrupted run can be continued.

    Raises:
        BundleError: the package with the tokenizer is not installed.
    """
    tokenizer = wordpiece_tokenizer()
    for sha1, text in tqdm(scripts, "tokenizing", total, unit="film"):
        path = _cache_path(sha1, cache)
        if not path.exists():
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            write_atomic(path, save({"ids": np.array(ids, np.uint16)}))


def load_token_chunks(
    text_sha1s: Sequence[str], chunk_length: int = CHUNK_LENGTH, *, cache: Path = CACHE
) -> TokenChunks:
    """Return the tokens of the scripts with these hashes, in that order, from the cache.

    Raises:
        DataError: scripts are not in the cache or damaged; the message gives their number.
    """
    films, missing = [], 0
    for sha1 in text_sha1s:
        try:
            films.append(load_file(_cache_path(sha1, cache))["ids"])
        except (FileNotFoundError, safetensors.SafetensorError):
            missing += 1
    if missing:
        raise DataError(
            f"the tokens of {missing} of {len(text_sha1s)} films are not in the cache: run "
            "`wholescript train end-to-end FILMS.parquet`, which reads the texts from your file"
        )
    tokenizer = wordpiece_tokenizer()
    cls_token_id, sep_token_id, pad_token_id = tokenizer.encode(
        "[CLS] [SEP] [PAD]", add_special_tokens=False
    ).ids
    offsets = np.cumsum([0, *map(len, films)], dtype=np.int64)
    return TokenChunks(
        np.concatenate(films), offsets, cls_token_id, sep_token_id, pad_token_id, chunk_length
    )


def _cache_path(sha1: str, cache: Path) -> Path:
    return cache / "tokens" / f"{sha1}.safetensors"
