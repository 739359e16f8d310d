import importlib.util

import numpy as np
import pytest
import torch

from wholescript.errors import DataError
from wholescript.features import frozen_states
from wholescript.features.encoder_config import MINILM
from wholescript.features.frozen_states import (
    cache_frozen_states,
    cache_frozen_vectors,
    load_frozen_states,
    load_frozen_vectors,
)
from wholescript.features.pretrained_encoders import MeanPooledEncoder, quiet_loading
from wholescript.features.token_chunks import TokenChunks, evenly_spaced

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec(MINILM.package) is None, reason="needs the weights of MiniLM"
)
LENGTH, N_CHUNKS = 6, 3
SHA1S = ["a", "b", "c"]


@pytest.fixture
def tokens():
    """Films of 5 chunks, of 2 of which the last is short, and of one token."""
    lengths = [30, 8, 1]
    ids = np.random.default_rng(0).integers(1000, 20_000, sum(lengths)).astype(np.uint16)
    return TokenChunks(ids, np.cumsum([0, *lengths]), 101, 102, 0, LENGTH)


@pytest.fixture
def states(tokens, tmp_path):
    cache_frozen_states(tokens, SHA1S, 1, N_CHUNKS, cache=tmp_path)
    return load_frozen_states(tokens, SHA1S, 1, N_CHUNKS, cache=tmp_path)


def test_chunks_are_evenly_spaced():
    assert evenly_spaced(5, 3).tolist() == [0, 2, 4]
    assert evenly_spaced(100, 2).tolist() == [25, 75]
    assert evenly_spaced(2, 3).tolist() == [0, 1] == evenly_spaced(2, None).tolist()


def test_states_are_those_of_the_frozen_layers(states, tokens):
    assert states.counts.tolist() == [3, 2, 1]
    with quiet_loading():
        encoder = MeanPooledEncoder(1).encoder
    for film in range(3):
        kept = np.arange(states.counts[film])
        numbers = evenly_spaced(int(tokens.counts[film]), N_CHUNKS)
        ids, mask = map(torch.from_numpy, tokens.padded_chunks(film, numbers))
        with torch.no_grad():
            expected = encoder(input_ids=ids, attention_mask=mask.long())[0].numpy()
        found, found_mask = states.padded_chunks(film, kept)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found_mask, mask)
        np.testing.assert_allclose(found[found_mask], expected[found_mask], atol=5e-3)
        np.testing.assert_array_equal(states.padded_chunks(film, kept[-1:])[0], found[-1:])


def test_cached_films_are_not_encoded_again(states, tokens, tmp_path, monkeypatch):
    monkeypatch.setattr(frozen_states, "MeanPooledEncoder", None)
    cache_frozen_states(tokens, SHA1S, 1, N_CHUNKS, cache=tmp_path)
    with pytest.raises(DataError, match=r"states of 1 of 4 films .*`cache_inputs`"):
        load_frozen_states(tokens, [*SHA1S, "d"], 1, N_CHUNKS, cache=tmp_path)
    with pytest.raises(DataError, match=r"states of 3 of 3 films"):
        load_frozen_states(tokens, SHA1S, 2, N_CHUNKS, cache=tmp_path)


def test_vectors_are_those_of_the_layers_above(states, tmp_path):
    def encode(values, mask):
        return (values * mask[..., None]).sum(1)

    cache_frozen_vectors(states, SHA1S, encode, "sum", cache=tmp_path)
    vectors = load_frozen_vectors(states, SHA1S, "sum", cache=tmp_path)
    assert vectors.counts.tolist() == [3, 2, 1]
    for film in range(3):
        values, mask = states.padded_chunks(film, np.arange(states.counts[film]))
        np.testing.assert_allclose(
            vectors.coordinates(film), (values * mask[..., None]).sum(1), rtol=1e-4, atol=1e-4
        )
    assert vectors.coordinates(0, 2).shape == (3, 2)
    with pytest.raises(DataError, match="frozen vectors of 3 of 3 films"):
        load_frozen_vectors(states, SHA1S, "mean", cache=tmp_path)
