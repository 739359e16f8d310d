"""Film estimators on chunk embeddings of a decoder-only language model."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from wholescript.features.decoder_embeddings import (
    DecoderEmbeddingConfig,
    cache_decoder_embeddings,
    load_decoder_embeddings,
)
from wholescript.files import CACHE
from wholescript.models.films.estimator import EstimatorWrapper, FilmDataset
from wholescript.models.types import IntArray


@dataclass
class DecoderEmbeddingEstimator(EstimatorWrapper):
    """An estimator whose chunk embeddings are those of a frozen decoder-only model.

    `cache_inputs` must have embedded the scripts of all films before `fit_predict`, which raises
    DataError otherwise.
    """

    decoder: DecoderEmbeddingConfig = field(default_factory=DecoderEmbeddingConfig)

    model: ClassVar[str] = "DecoderEmbeddingEstimator"
    cache: ClassVar[Path] = CACHE
    needs_texts: ClassVar[bool] = True  # instead of the bundled features

    @property
    def name(self) -> str:
        """The language model and the wrapped estimator."""
        return f"{self.decoder.model}-{self.estimator.name}"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the embeddings."""
        return {"decoder": asdict(self.decoder)}

    def cache_inputs(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Embed scripts, given as (SHA-1 of the text, text), into the cache."""
        cache_decoder_embeddings(scripts, self.decoder, total=total, cache=self.cache)

    def transform_dataset(self, dataset: FilmDataset, train: IntArray, seed: int) -> FilmDataset:
        """Replace the chunks by the cached embeddings; raise DataError if a film has none."""
        sha1s = dataset.films["text_sha1"].tolist()
        chunks = load_decoder_embeddings(sha1s, self.decoder, cache=self.cache)
        return replace(dataset, features=replace(dataset.features, chunks=chunks))
