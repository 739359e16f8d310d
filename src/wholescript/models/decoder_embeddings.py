"""Estimators on the chunk vectors of a decoder-only language model, not on those of the bundle."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from wholescript.features.decoder_embeddings import (
    CACHE,
    DecoderEmbeddingConfig,
    cache_decoder_embeddings,
    load_decoder_embeddings,
)
from wholescript.models.logistic_regression import IntArray
from wholescript.models.task import Estimator, FoldScores, Task


@dataclass
class DecoderEmbeddingEstimator:
    """`estimator`, given the vectors of a frozen decoder-only model as the chunks of a film."""

    estimator: Estimator
    decoder: DecoderEmbeddingConfig = field(default_factory=DecoderEmbeddingConfig)

    cache: ClassVar[Path] = CACHE
    reads_texts: ClassVar[bool] = True  # and not the features of the bundle

    @property
    def name(self) -> str:
        """The model and what aggregates its vectors, as a run is called."""
        return f"{self.decoder.model}-{self.estimator.name}"

    @property
    def config(self) -> dict[str, Any]:
        """The settings of both."""
        return {
            "model": type(self).__name__,
            "decoder": asdict(self.decoder),
            "estimator": self.estimator.config,
        }

    def cache_texts(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Encode scripts, given as (SHA-1 of the text, text), into the cache."""
        cache_decoder_embeddings(scripts, self.decoder, total=total, cache=self.cache)

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Fit on the vectors of the rows `train` and score the rows `test`.

        Raises:
            DataError: the model has not read all films.
        """
        sha1s = task.films["text_sha1"].tolist()
        chunks = load_decoder_embeddings(sha1s, self.decoder, cache=self.cache)
        return self.estimator.fit_predict(
            replace(task, features=replace(task.features, chunks=chunks)), train, test, seed=seed
        )
