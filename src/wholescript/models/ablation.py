"""Estimators that read films of which something is hidden, in training and in test."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wholescript.features.ablation import ablate_opening, select_words
from wholescript.models.task import Estimator, FoldScores, Task


class Ablation(Protocol):
    """What is hidden."""

    @property
    def config(self) -> dict[str, Any]:
        """What decides which parts are hidden, as JSON-able values."""

    def ablate(self, task: Task) -> Task:
        """Return the same films without what is hidden."""


@dataclass(frozen=True)
class WordAblation:
    """Hides `words`; with `keep_only`, all others. The chunk vectors stay: no word can be cut out."""

    words: frozenset[str] = field(repr=False)
    keep_only: bool = False

    @property
    def config(self) -> dict[str, Any]:
        """A hash stands for the words."""
        listed = hashlib.sha256("\n".join(sorted(self.words)).encode()).hexdigest()
        return {"mask": type(self).__name__, "words": listed, "only": self.keep_only}

    def ablate(self, task: Task) -> Task:
        """Drop the columns of the words."""
        words = task.features.words
        listed = np.array([word in self.words for word in words.vocabulary], bool)
        hidden = select_words(words, listed if self.keep_only else ~listed)
        return replace(task, features=replace(task.features, words=hidden))


@dataclass(frozen=True)
class OpeningAblation:
    """Hides the first 4,000 characters: their words, and the chunks that they touch."""

    @property
    def config(self) -> dict[str, Any]:
        """Nothing but its kind."""
        return {"mask": type(self).__name__}

    def ablate(self, task: Task) -> Task:
        """Drop counts and chunks of the opening."""
        characters = task.films["n_chars"].to_numpy(np.int64)
        return replace(task, features=ablate_opening(task.features, characters))


@dataclass
class FeatureAblation:
    """An estimator that learns from films, and judges films, of which something is hidden."""

    estimator: Estimator
    ablation: Ablation
    name: str = "masked"

    @property
    def config(self) -> dict[str, Any]:
        """The configurations of the estimator and of the mask."""
        return {
            "model": type(self).__name__,
            "estimator": self.estimator.config,
            "mask": self.ablation.config,
        }

    def fit_predict(
        self, task: Task, train: NDArray[np.int64], test: NDArray[np.int64], *, seed: int
    ) -> FoldScores:
        """Hide, then fit and score as the estimator does."""
        return self.estimator.fit_predict(self.ablation.ablate(task), train, test, seed=seed)
