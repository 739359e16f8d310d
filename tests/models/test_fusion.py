from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.features.layout import STRUCTURE_NAMES
from wholescript.models.aggregators import GatedAttention
from wholescript.models.fusion import (
    EXTRA_FEATURE_DIMS,
    N_WORD_COMPONENTS,
    LateFusion,
    extract_extra_features,
    with_late_fusion,
)
from wholescript.models.tfidf import TfidfLR


@pytest.fixture
def described(task):
    structure = np.random.default_rng(2).normal(5, 2, (len(task.labels), len(STRUCTURE_NAMES)))
    features = SimpleNamespace(**vars(task.features), structure=structure.astype(np.float32))
    return replace(task, features=features)


def test_each_input_has_its_width(described, rows):
    for name, width in EXTRA_FEATURE_DIMS.items():
        assert extract_extra_features(described, rows[0], [name]).shape == (120, width)
    both = extract_extra_features(described, rows[0], ["year", "words"])
    parts = [extract_extra_features(described, rows[0], [name]) for name in ("year", "words")]
    np.testing.assert_array_equal(both, np.concatenate(parts, axis=1))


def test_inputs_are_fitted_on_training_films_alone(described, rows):
    train, test = rows
    other = replace(described, films=described.films.copy())
    other.films.loc[test, "year"] += 500
    other.features.structure[test] *= 9
    for name in ("year", "structure"):
        before, after = (
            extract_extra_features(t, train, [name])[train] for t in (described, other)
        )
        np.testing.assert_array_equal(before, after)
    assert extract_extra_features(described, train, ["structure"])[train].std(0) == pytest.approx(1)


def test_words_keep_their_geometry(described, rows):
    train, _ = rows
    found = extract_extra_features(described, train, ["words"])[train]
    x = TfidfLR().design_matrices(described, train, train)[0].toarray()
    distances = [np.linalg.norm(v[:, None] - v[None], axis=-1) for v in (x, found)]
    ratio = distances[1][distances[0] > 0] / distances[0][distances[0] > 0]
    assert found.shape[1] == N_WORD_COMPONENTS
    assert ratio == pytest.approx(ratio[0], rel=1e-2)


def test_late_fusion_adds_a_linear_function(rows):
    torch.manual_seed(0)
    plain = GatedAttention(6, 8, 4)
    model = LateFusion(plain, 3).eval()
    chunks, mask, extra_features = (
        torch.randn(5, 7, 6),
        torch.ones(5, 7, dtype=torch.bool),
        torch.randn(5, 3),
    )
    with torch.no_grad():
        reading, alone = model(chunks, mask, extra_features), plain(chunks, mask)
        added = extra_features @ model.extra_features[1].weight.T
    torch.testing.assert_close(reading.logits, alone.logits + added.squeeze(-1))
    torch.testing.assert_close(reading.attention, alone.attention)


def test_no_inputs_leave_the_aggregator_as_it_is():
    plain = GatedAttention(6, 8, 4)
    assert with_late_fusion(plain, ()) is plain


def test_an_unknown_input_is_named():
    with pytest.raises(ParameterError, match="'genre' is none of year, length, structure, words"):
        with_late_fusion(GatedAttention(6, 8, 4), ["genre"])
