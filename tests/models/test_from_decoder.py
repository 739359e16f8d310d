from dataclasses import dataclass, replace

import numpy as np
import pytest
from safetensors.numpy import save
from sklearn.metrics import roc_auc_score

from wholescript.errors import DataError
from wholescript.features.decoder_embeddings import DecoderEmbeddingConfig
from wholescript.models.decoder_embeddings import DecoderEmbeddingEstimator
from wholescript.models.mean_embedding import MeanPoolingLR


@dataclass(frozen=True)
class Features:
    chunks: object


@pytest.fixture
def read(task, tmp_path, monkeypatch):
    """A task whose films a model has read: one number of the positive ones is higher."""
    random = np.random.default_rng(0)
    monkeypatch.setattr(DecoderEmbeddingEstimator, "cache", tmp_path)
    films = task.films.assign(text_sha1=[f"sha{row}" for row in range(len(task.labels))])
    for sha1, label in zip(films["text_sha1"], task.labels, strict=True):
        vectors = random.normal(size=(3, 8)) + 2 * label * (np.arange(8) == 5)
        path = DecoderEmbeddingConfig().place(sha1, tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(save({"vectors": vectors.astype(np.float16)}))
    return replace(task, films=films, features=Features(None))


def test_it_reads_the_vectors_of_the_model(read, rows):
    train, test = rows
    estimator = DecoderEmbeddingEstimator(MeanPoolingLR())
    scores = estimator.fit_predict(read, train, test, seed=0)
    assert roc_auc_score(read.labels[test], scores.test) > 0.9
    assert estimator.name == "smollm2-mean-pooling"


def test_other_settings_are_another_configuration():
    fewer = DecoderEmbeddingEstimator(MeanPoolingLR(), DecoderEmbeddingConfig(n_layer=3))
    assert fewer.config != DecoderEmbeddingEstimator(MeanPoolingLR()).config


def test_films_that_were_not_read_are_an_error(read, rows):
    estimator = DecoderEmbeddingEstimator(MeanPoolingLR(), DecoderEmbeddingConfig(n_chunks=2))
    with pytest.raises(DataError, match="has not read the texts of 120 of 120 films"):
        estimator.fit_predict(read, *rows, seed=0)
