"""Films of which something is hidden: words, the first pages, one part of the script."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from wholescript.features.bundle import ChunkEmbeddings, FilmFeatures
from wholescript.features.word_counts import OPENING_LENGTH, QUARTERS, WordCounts


def select_words(words: WordCounts, mask: NDArray[np.bool_]) -> WordCounts:
    """Keep the words of the mask `mask` (V,)."""
    return WordCounts(
        tuple(quarter[:, mask] for quarter in words.quarters),
        words.opening[:, mask],
        list(itertools.compress(words.vocabulary, mask)),
    )


def select_chunks(chunks: ChunkEmbeddings, mask: NDArray[np.bool_]) -> ChunkEmbeddings:
    """Keep the chunks of the mask `mask` (total,); a film that would have none keeps its last."""
    mask = mask.copy()
    left = np.add.reduceat(mask, chunks.offsets[:-1], dtype=np.int64)
    mask[chunks.offsets[1:][left == 0] - 1] = True
    counts = np.add.reduceat(mask, chunks.offsets[:-1], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return ChunkEmbeddings(chunks.codes[mask], offsets, chunks.rotation)


def chunk_parts(chunks: ChunkEmbeddings, parts: int) -> NDArray[np.int64]:
    """Return in which of `parts` equal parts of its script the middle of each chunk lies."""
    place = np.arange(chunks.offsets[-1]) - np.repeat(chunks.offsets[:-1], chunks.counts)
    share = (place + 0.5) / np.repeat(chunks.counts, chunks.counts)
    return (share * parts).astype(np.int64)


def ablate_part(features: FilmFeatures, part: int, parts: int) -> FilmFeatures:
    """Hide one of `parts` equal parts of each script: its chunks, and its words if it is a quarter.

    Words are counted by quarter, so that no smaller part of them can be hidden.
    """
    chunks = select_chunks(features.chunks, chunk_parts(features.chunks, parts) != part)
    words = features.words
    if parts == QUARTERS:
        quarters = list(words.quarters)
        quarters[part] = sp.csr_matrix(quarters[part].shape, dtype=quarters[part].dtype)
        words = replace(words, quarters=tuple(quarters))
    return replace(features, words=words, chunks=chunks)


def ablate_opening(features: FilmFeatures, characters: NDArray[np.int64]) -> FilmFeatures:
    """Hide the first 4,000 characters of scripts of `characters` (n,): words and whole chunks."""
    first, opening = features.words.quarters[0].astype(np.int32), features.words.opening
    # The cut may fall within a word, and make one that does not stand in the script.
    rest = (first - opening.astype(np.int32)).maximum(0).astype(np.uint16)
    rest.eliminate_zeros()
    words = replace(features.words, quarters=(rest, *features.words.quarters[1:]))
    counts = features.chunks.counts
    dropped = np.ceil(counts * np.minimum(OPENING_LENGTH / characters, 1.0))
    place = np.arange(features.chunks.offsets[-1]) - np.repeat(features.chunks.offsets[:-1], counts)
    chunks = select_chunks(features.chunks, place >= np.repeat(dropped, counts))
    return replace(features, words=words, chunks=chunks)


def concatenate_features(parts: Sequence[FilmFeatures]) -> FilmFeatures:
    """Put films one below the other; all parts must share vocabulary and axes."""
    first = parts[0]
    columns = zip(*(part.words.quarters for part in parts), strict=True)
    words = WordCounts(
        tuple(sp.vstack(column, format="csr") for column in columns),
        sp.vstack([part.words.opening for part in parts], format="csr"),
        first.words.vocabulary,
    )
    counts = np.concatenate([part.chunks.counts for part in parts])
    chunks = ChunkEmbeddings(
        np.concatenate([part.chunks.codes for part in parts]),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        first.chunks.rotation,
    )
    return FilmFeatures(
        [film_id for part in parts for film_id in part.film_ids],
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.structure for part in parts]),
        words,
        chunks,
        first.manifest,
    )
