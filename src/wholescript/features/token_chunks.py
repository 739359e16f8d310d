"""Whole scripts as token ids, cut into chunks: what a model that is trained on texts reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm.auto import tqdm

from wholescript.errors import DataError
from wholescript.features.pretrained_encoders import wordpiece_tokenizer
from wholescript.files import ROOT, write_atomic

CACHE = ROOT / ".cache"
CHUNK_LENGTH = 254


@dataclass(frozen=True)
class TokenChunks:
    """`ids` (total,) uint16 of all films, film after film; film i ends at `offsets[i + 1]`.

    Chunks have `chunk_length` tokens and do not overlap; only a film's last one may be shorter. The ids
    `cls_token_id` and `sep_token_id` stand around every chunk on top of that; `pad_token_id` fills the last one.
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

    def of(
        self, film: int, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return ids and mask of some chunks of a film, (n, length + 2); True on the left."""
        ids = np.full((len(numbers), self.chunk_length + 2), self.pad_token_id, np.int64)
        mask = np.zeros(ids.shape, bool)
        script = self.ids[self.offsets[film] : self.offsets[film + 1]]
        for place, number in enumerate(numbers):
            chunk = script[number * self.chunk_length : (number + 1) * self.chunk_length]
            ids[place, : len(chunk) + 2] = [self.cls_token_id, *chunk, self.sep_token_id]
            mask[place, : len(chunk) + 2] = True
        return ids, mask


def cache_tokens(
    scripts: Iterable[tuple[str, str]], *, total: int | None = None, cache: Path = CACHE
) -> None:
    """Tokenise scripts, given as (SHA-1 of the text, text), film by film into the cache.

    Films that are there already are not tokenised again, so a killed run goes on where it stopped.

    Raises:
        BundleError: the package with the tokenizer is not installed.
    """
    tokenizer = wordpiece_tokenizer()
    for sha1, text in tqdm(scripts, "tokenising", total, unit="film"):
        path = _cache_path(sha1, cache)
        if not path.exists():
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            write_atomic(path, save({"ids": np.array(ids, np.uint16)}))


def load_token_chunks(
    text_sha1s: Sequence[str], chunk_length: int = CHUNK_LENGTH, *, cache: Path = CACHE
) -> TokenChunks:
    """Return the tokens of the scripts with these hashes, in that order, from the cache.

    Raises:
        DataError: scripts are missing or damaged; the message says how many, and the remedy.
    """
    films, missing = [], []
    for sha1 in text_sha1s:
        try:
            films.append(load_file(_cache_path(sha1, cache))["ids"])
        except (FileNotFoundError, safetensors.SafetensorError):
            missing.append(sha1)
    if missing:
        raise DataError(
            f"the texts of {len(missing)} of {len(text_sha1s)} films are not at hand, and this "
            "model reads texts: `wholescript train-texts FILMS.parquet` takes them from your copy"
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
