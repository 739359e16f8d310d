"""Token ids of whole scripts by the tokenizer of a pretrained model of transformers."""

import functools
import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from wholescript.errors import ParameterError
from wholescript.features.chunks import offsets_of
from wholescript.features.film_cache import cache_arrays, load_cached_arrays
from wholescript.features.pretrained_models import loading
from wholescript.features.token_chunks import TokenChunks
from wholescript.files import CACHE


def cache_pretrained_tokens(
    scripts: Iterable[tuple[str, str]],
    name: str,
    *,
    revision: str | None = None,
    total: int | None = None,
    cache: Path = CACHE,
) -> None:
    """Tokenize scripts, given as (SHA-1 of the text, text), and write one cache file per film.

    `name` is that of a model on the hub, at `revision` (None: the main branch), or a folder. Films
    that are in the cache are skipped; each tokenizer has a folder of its own.

    Raises:
        ParameterError: there is no such tokenizer.
    """
    tokenizer = pretrained_tokenizer(name, revision)

    def tokenize(text: str) -> NDArray[np.uint32]:
        # The tokenizer itself: the class of transformers warns of each text above its length.
        encoded = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
        return np.array(encoded.ids, np.uint32)

    path_of = partial(_cache_path, cache, tokenizer)
    cache_arrays(scripts, path_of, tokenize, "ids", title="tokenizing", total=total)


def load_pretrained_token_chunks(
    text_sha1s: Sequence[str],
    name: str,
    chunk_length: int,
    *,
    revision: str | None = None,
    cache: Path = CACHE,
) -> TokenChunks:
    """Return the tokens of the scripts with these hashes, in that order, from the cache.

    A tokenizer without class token and separator gets its token of the begin and the end of a text
    in their place.

    Raises:
        DataError: scripts are not in the cache or damaged; the message gives their number.
        ParameterError: there is no such tokenizer, or it has no special tokens.
    """
    tokenizer = pretrained_tokenizer(name, revision)
    path_of = partial(_cache_path, cache, tokenizer)
    films: list[Any] = load_cached_arrays(text_sha1s, path_of, "ids", what="tokens")
    offsets = offsets_of([len(ids) for ids in films])
    return TokenChunks(
        np.concatenate(films), offsets, *_special_token_ids(name, tokenizer), chunk_length
    )


@functools.lru_cache(maxsize=4)
def pretrained_tokenizer(name: str, revision: str | None = None) -> PreTrainedTokenizerFast:
    """Load the tokenizer of a model on the hub, or in a folder.

    Raises:
        ParameterError: there is none, or it is not of the library `tokenizers`.
    """
    with loading(f"the tokenizer of {name!r}"):
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ParameterError(f"the tokenizer of {name!r} has no tokenizer.json: choose another")
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def _special_token_ids(name: str, tokenizer: PreTrainedTokenizerFast) -> tuple[int, int, int]:
    """Return the ids of the token before and after each chunk, and of padding, which is masked."""
    begin, end = (
        next((token for token in candidates if token is not None), None)
        for candidates in (
            (tokenizer.cls_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id),
            (tokenizer.sep_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id),
        )
    )
    if begin is None or end is None:
        raise ParameterError(
            f"the tokenizer of {name!r} has no token of the begin or end of a text: add bos_token"
        )
    pad = tokenizer.pad_token_id
    return int(begin), int(end), int(end if pad is None else pad)


def _cache_path(cache: Path, tokenizer: PreTrainedTokenizerFast, sha1: str) -> Path:
    return cache / "tokens" / _fingerprint(tokenizer) / f"{sha1}.safetensors"


@functools.lru_cache(maxsize=4)
def _fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Return a hash of all that decides the ids."""
    content: str = tokenizer.backend_tokenizer.to_str()
    return hashlib.sha256(content.encode()).hexdigest()[:16]
