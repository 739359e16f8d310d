import numpy as np
import pytest
from sklearn.gaussian_process.kernels import RBF

from tests.models.documents.planted_texts import ENCODER, QUICK, split
from wholescript.errors import DataError
from wholescript.models.documents.kernel import (
    KernelGridPoint,
    RBFKernelRidgeClassifier,
    SentenceKernel,
)


@pytest.fixture
def rings():
    """Points (300, 2) float32 on three rings, not linearly separable, and the ring of each."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    angle = rng.uniform(0, 2 * np.pi, 300)
    radius = (labels + 1) * 0.6 + rng.normal(0, 0.05, 300)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points.astype(np.float32), labels


def test_rings_are_classified(rings):
    x, labels = rings
    fitted = KernelGridPoint(4.0, 0.3).estimator(0).fit(x[:200], labels[:200])
    assert (fitted.predict(x[200:]) == labels[200:]).mean() > 0.97


def test_weights_solve_the_regularised_equations(rings):
    x, labels = rings
    decision_fn = KernelGridPoint(2.0, 0.5).fitted_decision_function(
        RBFKernelRidgeClassifier(2.0, 0.5).fit(x, labels)
    )
    kernel = RBF(length_scale=0.5)(x.astype(np.float64))  # exp(-2 d^2)
    targets = 2 * np.eye(3)[labels] - 1
    expected = np.linalg.solve(kernel + 0.5 * np.eye(300), targets)
    np.testing.assert_allclose(decision_fn.weights, expected, atol=2e-3)
    np.testing.assert_allclose(decision_fn(x), kernel @ expected, atol=1e-3)


def test_decision_function_matches_the_estimator_across_blocks(rings):
    x, labels = rings
    fitted = RBFKernelRidgeClassifier(1.0, 0.3).fit(x, labels)
    many = np.tile(x, (8, 1))  # more rows than a block
    decision_fn = KernelGridPoint(1.0, 0.3).fitted_decision_function(fitted)
    assert decision_fn.weights.dtype == decision_fn(many).dtype == np.float32
    np.testing.assert_allclose(decision_fn(many), fitted.decision_function(many), atol=1e-4)
    assert decision_fn.n_parameters == 300 * 2 + 300 * 3


def test_more_than_max_train_texts_are_an_error(tmp_path):
    (train, labels, val_texts, val_labels), _, _ = split(2)
    model = SentenceKernel(settings=QUICK, cache=tmp_path, max_train=99)
    with pytest.raises(
        DataError, match="100 training texts needs 0 GB of memory, and max_train is 99"
    ):
        model.fit(train, labels, val_texts, val_labels, seed=0)
    assert not list(tmp_path.iterdir())  # before anything is embedded


@ENCODER
def test_alpha_is_chosen_on_validation(tmp_path):
    (train, labels, val_texts, val_labels), _, _ = split(5)
    scores = {}
    for alphas in ((1e-4,), (0.3,), (1e3,), (1e-4, 0.3, 1e3)):
        model = SentenceKernel(settings=QUICK, cache=tmp_path, alphas=alphas)
        model.fit(train, labels, val_texts, val_labels, seed=0)
        scores[alphas] = model.chosen["validation_macro_f1"]
    *single, all_alphas = scores.values()
    assert all_alphas == max(single) > min(single)
