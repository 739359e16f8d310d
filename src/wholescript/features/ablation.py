"""Feature ablation: films without some words, without their opening, or without one part."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from wholescript.features.bundle import ChunkEmbeddings, FilmFeatures
from wholescript.features.word_counts import OPENING_LENGTH, QUARTERS, WordCounts


def select_words(words: WordCounts, mask: NDArray[np.bool_]) -> WordCounts:
    """Return the counts of the words where `mask` (V,) is true."""
    return WordCounts(
        tuple(quarter[:, mask] for quarter in words.quarters),
        words.opening[:, mask],
        list(itertools.compress(words.vocabulary, mask)),
    )


def select_chunks(chunks: ChunkEmbeddings, mask: NDArray[np.bool_]) -> ChunkEmbeddings:
    """Return the chunks where `mask` (total,) is true; a film without any keeps its last chunk."""
    mask = mask.copy()
    counts = np.add.reduceat(mask, chunks.offsets[:-1], dtype=np.int64)
    mask[chunks.offsets[1:][counts == 0] - 1] = True
    counts = np.add.reduceat(mask, chunks.offsets[:-1], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return ChunkEmbeddings(chunks.codes[mask], offsets, chunks.rotation)


def chunk_parts(chunks: ChunkEmbeddings, parts: int) -> NDArray[np.int64]:
    """Return, (total,), which of `parts` equal parts of the script has the middle of each chunk."""
    center = (_positions(chunks) + 0.5) / np.repeat(chunks.counts, chunks.counts)
    return (center * parts).astype(np.int64)


def ablate_part(features: FilmFeatures, part: int, parts: int) -> FilmFeatures:
    """Remove one of `parts` equal parts of each script: its chunks, and its words if parts == 4.

    Words are counted per quarter, so the words of other parts cannot be removed.
    """
    chunks = select_chunks(features.chunks, chunk_parts(features.chunks, parts) != part)
    words = features.words
    if parts == QUARTERS:
        quarters = list(words.quarters)
        quarters[part] = sp.csr_matrix(quarters[part].shape, dtype=quarters[part].dtype)
        words = replace(words, quarters=tuple(quarters))
    return replace(features, words=words, chunks=chunks)


def ablate_opening(features: FilmFeatures, characters: NDArray[np.int64]) -> FilmFeatures:
    """Remove the words of the first 4,000 characters, and every chunk that overlaps with them.

    `characters` (n,) are the lengths of the scripts.
    """
    first, opening = features.words.quarters[0].astype(np.int32), features.words.opening
    # The opening may end inside a word: such a fragment is not in the counts of the quarter.
    rest = (first - opening.astype(np.int32)).maximum(0).astype(np.uint16)
    rest.eliminate_zeros()
    words = replace(features.words, quarters=(rest, *features.words.quarters[1:]))
    counts = features.chunks.counts
    dropped = np.ceil(counts * np.minimum(OPENING_LENGTH / characters, 1.0))
    mask = _positions(features.chunks) >= np.repeat(dropped, counts)
    chunks = select_chunks(features.chunks, mask)
    return replace(features, words=words, chunks=chunks)


def concatenate_features(parts: Sequence[FilmFeatures]) -> FilmFeatures:
    """Concatenate films; all `parts` must have the same vocabulary and principal axes."""
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


def _positions(chunks: ChunkEmbeddings) -> NDArray[np.int64]:
    """Return the position of each chunk in its film, (total,)."""
    return np.arange(chunks.offsets[-1]) - np.repeat(chunks.offsets[:-1], chunks.counts)
