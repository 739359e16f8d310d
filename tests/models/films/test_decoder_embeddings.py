from dataclasses import dataclass, replace

import numpy as np
import pytest
from safetensors.numpy import save
from sklearn.metrics import roc_auc_score

from wholescript.errors import DataError
from wholescript.features.decoder_embeddings import DecoderEmbeddingConfig
from wholescript.models.films.decoder_embeddings import DecoderEmbeddingEstimator
from wholescript.models.films.mean_embedding import MeanPoolingLR


@dataclass(frozen=True)
class Features:
    chunks: object


@pytest.fixture
def embedded(dataset, tmp_path, monkeypatch):
    """A data set with cached embeddings, of which one dimension is higher for positive films."""
    random = np.random.default_rng(0)
    monkeypatch.setattr(DecoderEmbeddingEstimator, "cache", tmp_path)
    films = dataset.films.assign(text_sha1=[f"sha{row}" for row in range(len(dataset.labels))])
    for sha1, label in zip(films["text_sha1"], dataset.labels, strict=True):
        vectors = random.normal(size=(3, 8)) + 2 * label * (np.arange(8) == 5)
        path = DecoderEmbeddingConfig().cache_path(sha1, tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(save({"vectors": vectors.astype(np.float16)}))
    return replace(dataset, films=films, features=Features(None))


def test_cached_embeddings_are_used(embedded, rows):
    train, test = rows
    estimator = DecoderEmbeddingEstimator(MeanPoolingLR())
    scores = estimator.fit_predict(embedded, train, test, seed=0)
    assert roc_auc_score(embedded.labels[test], scores.test) > 0.9
    assert estimator.name == "smollm2-mean-pooling"


def test_config_depends_on_the_embedding_settings():
    other = DecoderEmbeddingEstimator(MeanPoolingLR(), DecoderEmbeddingConfig(n_layer=3))
    assert other.config != DecoderEmbeddingEstimator(MeanPoolingLR()).config


def test_films_without_embeddings_are_an_error(embedded, rows):
    estimator = DecoderEmbeddingEstimator(MeanPoolingLR(), DecoderEmbeddingConfig(n_chunks=2))
    with pytest.raises(DataError, match="embeddings of 120 of 120 films are not in the cache"):
        estimator.fit_predict(embedded, *rows, seed=0)
