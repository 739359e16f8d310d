import importlib.util

import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.features.encoder_config import MINILM
from wholescript.features.pretrained_encoders import MeanPooledEncoder, quiet_loading
from wholescript.models.partial_finetuning import UnfrozenLayers

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec(MINILM.package) is None, reason="needs the weights of MiniLM"
)


def load(n_layer):
    with quiet_loading():
        return MeanPooledEncoder(n_layer)


@pytest.mark.parametrize("n_unfrozen", [1, 2])
def test_layers_on_the_states_below_give_the_vector_of_the_encoder(n_unfrozen):
    torch.manual_seed(0)
    ids = torch.randint(1000, 20_000, (3, 12))
    mask = torch.arange(12) < torch.tensor([12, 7, 1])[:, None]
    layers = UnfrozenLayers(3, n_unfrozen).train()  # there is no dropout
    with torch.no_grad():
        below = load(3 - n_unfrozen).encoder(input_ids=ids, attention_mask=mask.long())[0]
        expected = load(3)(ids, mask.long())
        torch.testing.assert_close(layers(below, mask), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(layers(below[:1], mask[:1]), expected[:1], rtol=1e-4, atol=1e-5)


def test_all_weights_of_the_layers_get_a_gradient():
    layers = UnfrozenLayers(3, 1)
    layers(torch.randn(2, 5, 384), torch.ones(2, 5, dtype=torch.bool)).square().sum().backward()
    missing = [name for name, weight in layers.named_parameters() if weight.grad is None]
    assert missing == [] and len(list(layers.parameters())) == 16


@pytest.mark.parametrize("n_unfrozen", [0, 3])
def test_one_layer_is_unfrozen_and_one_is_not(n_unfrozen):
    with pytest.raises(ParameterError, match=f"n_unfrozen={n_unfrozen} must be at least 1"):
        UnfrozenLayers(3, n_unfrozen)
