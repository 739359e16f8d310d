import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.features.compression import (
    dequantize,
    fit_pca_rotation,
    quantization_quality,
    quantize,
)


def vectors(n, width, seed, scale=1.0):
    """Vectors with a few axes of high variance and a large mean, as those of an encoder."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(width, width)) * np.geomspace(1, 0.01, width)
    return (scale * (rng.normal(size=(n, width)) @ mixing.T + 1)).astype(np.float16)


VECTORS = st.builds(
    vectors,
    st.integers(2, 80),
    st.integers(2, 24),
    st.integers(0, 10_000),
    st.sampled_from([0.05, 1.0, 20.0]),
)


@given(VECTORS)
def test_error_is_at_most_half_a_step_along_each_axis(original):
    rotation = fit_pca_rotation(original)
    codes = quantize(original, rotation)
    error = (dequantize(codes, rotation) - original.astype(np.float32)) @ rotation.axes
    inside = np.abs(codes.astype(int)) < 127
    assert np.abs(error[inside]).max(initial=0) <= 0.505 * rotation.step


@given(VECTORS)
def test_axes_are_orthonormal_with_decreasing_variance(original):
    rotation = fit_pca_rotation(original)
    identity = np.eye(original.shape[1])
    np.testing.assert_allclose(rotation.axes.T @ rotation.axes, identity, atol=1e-5)
    variance = ((original.astype(np.float64) - rotation.mean) @ rotation.axes).var(0)
    assert (np.diff(variance) <= 1e-3 * variance[0]).all()


@given(VECTORS)
def test_the_same_vectors_give_the_same_codes(original):
    first, second = fit_pca_rotation(original), fit_pca_rotation(original.copy())
    assert first.step == second.step
    assert first.axes.tobytes() == second.axes.tobytes()
    assert quantize(original, first).tobytes() == quantize(original, second).tobytes()


def test_smaller_step_has_a_smaller_error():
    original = vectors(500, 24, 0)
    lost = []
    for relative_step in (1 / 2, 1 / 6, 1 / 12):
        rotation = fit_pca_rotation(original, relative_step)
        codes = quantize(original, rotation)
        lost.append(quantization_quality(original, codes, rotation).lost_variance)
    assert lost[0] > 4 * lost[1] > 8 * lost[2] > 0


def test_reported_error_equals_the_computed_one():
    original = vectors(300, 12, 1)
    rotation = fit_pca_rotation(original)
    codes = quantize(original, rotation)
    found = quantization_quality(original, codes, rotation)
    exact, restored = original.astype(np.float64), dequantize(codes, rotation).astype(np.float64)
    centred = exact - exact.mean(0)
    cosine = (exact * restored).sum(1) / np.linalg.norm(exact, axis=1)
    cosine /= np.linalg.norm(restored, axis=1)
    lost = ((exact - restored) ** 2).sum() / (centred**2).sum()
    assert found.lost_variance == pytest.approx(lost, rel=1e-3)
    assert found.cosine == pytest.approx(cosine.mean(), abs=1e-5)
    assert found.cosine_p1 == pytest.approx(np.quantile(cosine, 0.01), abs=1e-5)
    assert found.centred_cosine < found.cosine


def test_codes_beyond_int8_are_clipped_and_counted():
    original = np.zeros((10_000, 2), np.float16)
    original[0, 0] = 100
    rotation = fit_pca_rotation(original)
    codes = quantize(original, rotation)
    assert quantization_quality(original, codes, rotation).clipped == 1


def test_identical_chunks_are_restored_exactly():
    original = np.tile(np.float16([0.5, -2, 3]), (4, 1))
    rotation = fit_pca_rotation(original)
    np.testing.assert_array_equal(dequantize(quantize(original, rotation), rotation), original)
