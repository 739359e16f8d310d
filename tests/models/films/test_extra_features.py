from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from wholescript.errors import ParameterError
from wholescript.features.layout import LAYOUT_NAMES
from wholescript.models.aggregators import GatedAttention
from wholescript.models.films.extra_features import (
    EXTRA_FEATURE_DIMS,
    N_TFIDF_COMPONENTS,
    extract_extra_features,
    with_late_fusion,
)
from wholescript.models.films.tfidf import TfidfLR


@pytest.fixture
def dataset_with_layout(dataset):
    layout = np.random.default_rng(2).normal(5, 2, (len(dataset.labels), len(LAYOUT_NAMES)))
    features = SimpleNamespace(**vars(dataset.features), layout=layout.astype(np.float32))
    return replace(dataset, features=features)


def test_each_feature_group_has_its_dimensions(dataset_with_layout, rows):
    for name, dims in EXTRA_FEATURE_DIMS.items():
        assert extract_extra_features(dataset_with_layout, rows[0], [name]).shape == (120, dims)
    both = extract_extra_features(dataset_with_layout, rows[0], ["year", "tfidf"])
    parts = [
        extract_extra_features(dataset_with_layout, rows[0], [name]) for name in ("year", "tfidf")
    ]
    np.testing.assert_array_equal(both, np.concatenate(parts, axis=1))


def test_features_are_fitted_on_training_films_only(dataset_with_layout, rows):
    train, test = rows
    other = replace(dataset_with_layout, films=dataset_with_layout.films.copy())
    other.films.loc[test, "year"] += 500
    other.features.layout[test] *= 9
    for name in ("year", "layout"):
        before, after = (
            extract_extra_features(t, train, [name])[train] for t in (dataset_with_layout, other)
        )
        np.testing.assert_array_equal(before, after)
    standardized = extract_extra_features(dataset_with_layout, train, ["layout"])[train]
    assert standardized.std(0) == pytest.approx(1)


def test_tfidf_components_keep_distances_up_to_scale(dataset_with_layout, rows):
    train, _ = rows
    found = extract_extra_features(dataset_with_layout, train, ["tfidf"])[train]
    x = TfidfLR().design_matrices(dataset_with_layout, train, train)[0].toarray()
    distances = [np.linalg.norm(v[:, None] - v[None], axis=-1) for v in (x, found)]
    ratio = distances[1][distances[0] > 0] / distances[0][distances[0] > 0]
    assert found.shape[1] == N_TFIDF_COMPONENTS
    assert ratio == pytest.approx(ratio[0], rel=1e-2)


def test_aggregator_without_extra_features_is_unchanged():
    aggregator = GatedAttention(6, 8, 4)
    assert with_late_fusion(aggregator, ()) is aggregator


def test_unknown_extra_feature_is_an_error():
    with pytest.raises(ParameterError, match="'genre': choose among year, length, layout, tfidf"):
        with_late_fusion(GatedAttention(6, 8, 4), ["genre"])
