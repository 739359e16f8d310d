import subprocess
import sys

import numpy as np
import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.features.encoder_config import MINILM, encoder_tokenizer, resolve_engine
from wholescript.features.pretrained_encoders import (
    MeanPooledEncoder,
    TorchEncoder,
    cpu_has_bfloat16,
    load_encoder,
)

pytestmark = [
    pytest.mark.usefixtures("encoder_packages"),
    # OpenVINO uses it for tracing.
    pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning"),
]

LOAD_SCRIPT = """
import numpy as np
from transformers.utils import logging
from wholescript.features.pretrained_encoders import load_encoder
before = logging.get_verbosity(), logging.is_progress_bar_enabled()
for engine in {engines}:
    load_encoder(1, engine, "float32").encode(np.ones((1, 4), np.int64), np.ones((1, 4), np.int64))
assert before == (logging.get_verbosity(), logging.is_progress_bar_enabled())
"""


@pytest.fixture(scope="module")
def reference():
    """The PyTorch encoder with two layers, float32."""
    return load_encoder(2, "torch", "float32")


@pytest.fixture(scope="module")
def batch():
    """Ids and mask of chunks with 30, 12 and 1 tokens, padded."""
    rng = np.random.default_rng(0)
    lengths = np.array([[30], [12], [1]])
    mask = (np.arange(32) < lengths + 2).astype(np.int64)
    ids = rng.integers(1_000, 20_000, mask.shape) * mask
    ids[:, 0] = 101
    ids[np.arange(3), lengths.ravel() + 1] = 102
    return ids, mask


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_engines_give_the_same_vectors(reference, batch, precision):
    pytest.importorskip("openvino", reason="run `pip install --no-deps openvino`")
    if precision == "bfloat16" and not cpu_has_bfloat16():
        pytest.skip("this CPU has no bfloat16 instructions")
    vectors = load_encoder(2, "openvino", precision).encode(*batch)
    expected = reference.encode(*batch)
    assert vectors.dtype == expected.dtype == np.float32
    assert vectors.shape == expected.shape == (3, MINILM.d_model)
    assert cosine(vectors, expected).min() > 0.999


def test_padding_does_not_change_vectors(reference, batch):
    ids, mask = batch
    expected = reference.encode(ids, mask)
    for row, length in enumerate(mask.sum(1)):
        alone = reference.encode(ids[row : row + 1, :length], mask[row : row + 1, :length])
        np.testing.assert_allclose(alone[0], expected[row], atol=1e-5)
    other_padding = np.where(mask == 1, ids, 7_777)
    np.testing.assert_allclose(reference.encode(other_padding, mask), expected, atol=1e-6)


def test_vector_is_the_mean_of_the_last_used_hidden_states(reference, batch):
    ids, mask = (torch.from_numpy(array) for array in batch)
    all_layers = MeanPooledEncoder(6).encoder
    with torch.inference_mode():
        states = all_layers(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    means = [states.hidden_states[2][row, : mask[row].sum()].mean(0) for row in range(3)]
    np.testing.assert_allclose(reference.encode(*batch), torch.stack(means), atol=1e-5)


def test_similar_sentences_have_similar_vectors():
    encoder = load_encoder(6, "torch", "float32")

    def embed(text):
        ids = np.array([encoder_tokenizer().encode(text).ids])
        return encoder.encode(ids, np.ones_like(ids))

    question = embed("A man is eating a meal.")
    near, far = embed("Someone is having dinner."), embed("The stock exchange fell on Monday.")
    assert cosine(question, near) > cosine(question, far) + 0.3


@pytest.mark.parametrize("n_layer", [0, 7])
def test_invalid_n_layer_is_an_error(n_layer):
    with pytest.raises(ParameterError, match=f"n_layer={n_layer}: the encoder has 6 layers"):
        load_encoder(n_layer, "torch", "float32")


def test_auto_is_resolved():
    engine, precision = resolve_engine("auto", "auto")
    assert engine in {"torch", "openvino"}
    assert precision == ("bfloat16" if cpu_has_bfloat16() else "float32")
    assert resolve_engine("torch", "float32") == ("torch", "float32")


def test_torch_engine_uses_its_precision(batch):
    model = MeanPooledEncoder(1)
    float32, bfloat16 = (TorchEncoder(model, name) for name in ("float32", "bfloat16"))
    difference = np.abs(float32.encode(*batch) - bfloat16.encode(*batch)).max()
    assert 0 < difference < 0.2


def test_tokenizer_does_not_truncate():
    assert len(encoder_tokenizer().encode("word " * 2_000, add_special_tokens=False).ids) == 2_000


def test_loading_prints_nothing():
    pytest.importorskip("openvino", reason="run `pip install --no-deps openvino`")
    command = [sys.executable, "-c", LOAD_SCRIPT.format(engines=["torch", "openvino"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
