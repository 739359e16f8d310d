from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from sklearn.metrics import roc_auc_score

from wholescript.models.films.mean_embedding import MeanPoolingLR, mean_chunk_embeddings


def test_mean_chunk_embeddings_are_means_per_film(dataset):
    chunks = dataset.features.chunks
    expected = [chunks.coordinates(film).mean(axis=0) for film in range(len(dataset.labels))]
    np.testing.assert_allclose(mean_chunk_embeddings(chunks), expected, rtol=1e-5, atol=1e-6)


def test_predictive_dimension_is_found(dataset, rows):
    train, test = rows
    scores = MeanPoolingLR().fit_predict(dataset, train, test, seed=0)
    assert roc_auc_score(dataset.labels[test], scores.test) > 0.8
    assert roc_auc_score(dataset.labels[train], scores.inner) > 0.8


def test_test_labels_are_ignored(assert_ignores_test_labels):
    assert_ignores_test_labels(MeanPoolingLR())


def test_features_do_not_depend_on_the_quantization_step(dataset, rows):
    chunks = dataset.features.chunks
    rotation = replace(chunks.rotation, step=7 * chunks.rotation.step)
    other = replace(dataset, features=SimpleNamespace(chunks=replace(chunks, rotation=rotation)))
    for a, b in zip(
        MeanPoolingLR().design_matrices(dataset, *rows),
        MeanPoolingLR().design_matrices(other, *rows),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-9)
