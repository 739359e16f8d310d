"""Feature ablation: an estimator is trained and tested on films without part of their text."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np

from wholescript.features.ablation import (
    ablate_opening,
    chunk_window,
    select_chunks,
    select_words,
)
from wholescript.models.films.estimator import EstimatorWrapper, FilmDataset
from wholescript.models.types import IntArray


class Ablation(Protocol):
    """A part of the features that is removed."""

    @property
    def config(self) -> dict[str, Any]:
        """The kind of ablation and its settings, JSON-able."""

    def ablate(self, dataset: FilmDataset) -> FilmDataset:
        """Return the films without that part of the features."""


@dataclass(frozen=True)
class WordAblation:
    """Removes the counts of `words`, or of all other words with `keep_only`; chunks are kept."""

    words: frozenset[str] = field(repr=False)
    keep_only: bool = False

    @property
    def config(self) -> dict[str, Any]:
        """The SHA-256 of the words, and `keep_only`."""
        digest = hashlib.sha256("\n".join(sorted(self.words)).encode()).hexdigest()
        return {"ablation": "WordAblation", "words": digest, "keep_only": self.keep_only}

    def ablate(self, dataset: FilmDataset) -> FilmDataset:
        """Drop the columns of the words."""
        word_counts = dataset.features.word_counts
        listed = np.array([word in self.words for word in word_counts.vocabulary], bool)
        kept = select_words(word_counts, listed if self.keep_only else ~listed)
        return replace(dataset, features=replace(dataset.features, word_counts=kept, ngrams=None))


@dataclass(frozen=True)
class OpeningAblation:
    """Removes the first 4,000 characters: their word counts, and the chunks that overlap them."""

    @property
    def config(self) -> dict[str, Any]:
        """The kind of ablation; there are no settings."""
        return {"ablation": "OpeningAblation"}

    def ablate(self, dataset: FilmDataset) -> FilmDataset:
        """Drop the word counts and chunks of the opening."""
        characters = dataset.films["n_chars"].to_numpy(np.int64)
        return replace(dataset, features=ablate_opening(dataset.features, characters))


@dataclass(frozen=True)
class OutsideWindowAblation:
    """Removes all chunks but a window of `n_chunks` at `position`, from 0 (first) to 1 (last).

    Windows of one length compare parts of a script fairly. Word counts are kept.
    """

    n_chunks: int
    position: float

    @property
    def config(self) -> dict[str, Any]:
        """The kind of ablation, and both fields."""
        return {"ablation": "OutsideWindowAblation", **vars(self)}

    def ablate(self, dataset: FilmDataset) -> FilmDataset:
        """Drop the chunks outside the window."""
        chunks = dataset.features.chunks
        kept = select_chunks(chunks, chunk_window(chunks, self.n_chunks, self.position))
        return replace(dataset, features=replace(dataset.features, chunks=kept))


@dataclass
class FeatureAblation(EstimatorWrapper):
    """An estimator that is fitted on ablated films and predicts ablated films."""

    ablation: Ablation
    name: str = "feature-ablation"

    model: ClassVar[str] = "FeatureAblation"

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration of the ablation."""
        return {"ablation": self.ablation.config}

    def transform_dataset(self, dataset: FilmDataset, train: IntArray, seed: int) -> FilmDataset:
        """Ablate all films."""
        return self.ablation.ablate(dataset)
