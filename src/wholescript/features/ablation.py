"""Feature ablation: films without some words, without their opening, or without one part."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from wholescript.features.bundle import ChunkEmbeddings, FilmFeatures
from wholescript.features.chunks import offsets_of
from wholescript.features.word_counts import N_QUARTERS, OPENING_CHARS, WordCounts


def select_words(word_counts: WordCounts, mask: NDArray[np.bool_]) -> WordCounts:
    """Return the counts of the words where `mask` (V,) is true."""
    return WordCounts(
        tuple(quarter[:, mask] for quarter in word_counts.quarters),
        word_counts.opening[:, mask],
        list(itertools.compress(word_counts.vocabulary, mask)),
    )


def select_chunks(chunks: ChunkEmbeddings, mask: NDArray[np.bool_]) -> ChunkEmbeddings:
    """Return the chunks where `mask` (total,) is true; a film without any keeps its last chunk."""
    mask = mask.copy()
    counts = np.add.reduceat(mask, chunks.offsets[:-1], dtype=np.int64)
    mask[chunks.offsets[1:][counts == 0] - 1] = True
    counts = np.add.reduceat(mask, chunks.offsets[:-1], dtype=np.int64)
    offsets = offsets_of(counts)
    return ChunkEmbeddings(chunks.codes[mask], offsets, chunks.rotation)


def chunk_parts(chunks: ChunkEmbeddings, n_parts: int) -> NDArray[np.int64]:
    """Return which of `n_parts` equal parts of the script has each chunk's middle, (total,)."""
    center = (_positions(chunks) + 0.5) / np.repeat(chunks.counts, chunks.counts)
    return (center * n_parts).astype(np.int64)


def chunk_window(chunks: ChunkEmbeddings, n_chunks: int, position: float) -> NDArray[np.bool_]:
    """Return which chunks are in a window of `n_chunks` of each film, (total,).

    `position` is 0 for the first chunks of the script, 1 for the last ones, and linear between.
    """
    room = np.maximum(chunks.counts - n_chunks, 0)
    first = np.repeat(np.rint(position * room), chunks.counts)
    place = _positions(chunks)
    return (place >= first) & (place < first + n_chunks)


def ablate_part(features: FilmFeatures, part: int, n_parts: int) -> FilmFeatures:
    """Remove one of `n_parts` equal parts of each script: its chunks, of 4 parts also its words.

    Words are counted per quarter, so the words of other parts cannot be removed.
    """
    chunks = select_chunks(features.chunks, chunk_parts(features.chunks, n_parts) != part)
    word_counts = features.word_counts
    if n_parts == N_QUARTERS:
        quarters = list(word_counts.quarters)
        quarters[part] = sp.csr_matrix(quarters[part].shape, dtype=quarters[part].dtype)
        word_counts = replace(word_counts, quarters=tuple(quarters))
    return replace(features, word_counts=word_counts, chunks=chunks, ngrams=None)


def ablate_opening(features: FilmFeatures, n_chars: NDArray[np.int64]) -> FilmFeatures:
    """Remove the words of the first 4,000 characters, and every chunk that overlaps with them.

    `n_chars` (n,) are the lengths of the scripts.
    """
    first, opening = features.word_counts.quarters[0].astype(np.int32), features.word_counts.opening
    # The opening may end inside a word: such a fragment is not in the counts of the quarter.
    rest = (first - opening.astype(np.int32)).maximum(0).astype(np.uint16)
    rest.eliminate_zeros()
    word_counts = replace(features.word_counts, quarters=(rest, *features.word_counts.quarters[1:]))
    counts = features.chunks.counts
    dropped = np.ceil(counts * np.minimum(OPENING_CHARS / n_chars, 1.0))
    mask = _positions(features.chunks) >= np.repeat(dropped, counts)
    chunks = select_chunks(features.chunks, mask)
    return replace(features, word_counts=word_counts, chunks=chunks, ngrams=None)


def concatenate_features(films: Sequence[FilmFeatures]) -> FilmFeatures:
    """Concatenate films; all must have the same vocabulary and principal axes."""
    first = films[0]
    columns = zip(*(part.word_counts.quarters for part in films), strict=True)
    word_counts = WordCounts(
        tuple(sp.vstack(column, format="csr") for column in columns),
        sp.vstack([part.word_counts.opening for part in films], format="csr"),
        first.word_counts.vocabulary,
    )
    counts = np.concatenate([part.chunks.counts for part in films])
    chunks = ChunkEmbeddings(
        np.concatenate([part.chunks.codes for part in films]),
        offsets_of(counts),
        first.chunks.rotation,
    )
    return FilmFeatures(
        [film_id for part in films for film_id in part.film_ids],
        np.concatenate([part.groups for part in films]),
        np.concatenate([part.n_tokens for part in films]),
        np.concatenate([part.layout for part in films]),
        word_counts,
        chunks,
        first.manifest,
    )


def _positions(chunks: ChunkEmbeddings) -> NDArray[np.int64]:
    """Return the position of each chunk in its film, (total,)."""
    return np.arange(chunks.offsets[-1]) - np.repeat(chunks.offsets[:-1], chunks.counts)
