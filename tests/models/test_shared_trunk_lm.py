import numpy as np
import pytest
import torch

from tests.models.tiny_decoders import write_tiny
from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_pretrained_lm
from wholescript.models.adapters import merge_adapters, prepare_for_tuning, unfreeze_above
from wholescript.models.causal_lm import CausalLM
from wholescript.models.shared_trunk_lm import SharedTrunkLM

CLASSES = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("decoder"))


def untrained(folder, n_shared_layers, tuning="full"):
    decoder = load_pretrained_lm(str(folder))
    model = CausalLM(decoder.model, prepare_for_tuning(decoder, "full"))
    unfreeze_above(model, n_shared_layers, tuning, lora_rank=2, lora_alpha=6)
    return model


def trained(folder, tuning="full"):
    network = SharedTrunkLM([untrained(folder, 1, tuning) for _ in range(CLASSES)], 1).eval()
    torch.manual_seed(1)
    with torch.no_grad():  # as after training
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn_like(parameter)
    return network


def batch():
    ids = torch.randint(1, 40, (2, 12), generator=torch.manual_seed(0))
    loss_mask = torch.ones_like(ids, dtype=torch.bool)
    loss_mask[1, 8:] = False
    return ids, loss_mask


def test_token_nll_equals_that_of_each_model_alone(folder):
    network, (ids, loss_mask) = trained(folder), batch()
    shared = [
        token_nll.detach().numpy()
        for token_nll in network.token_nll(ids, loss_mask, logits_batch_size=5)
    ]
    for token_nll, branch in zip(shared, network.branches, strict=True):
        alone = -branch.log_probabilities(ids, loss_mask).numpy()
        np.testing.assert_allclose(token_nll, alone, atol=1e-5)
    assert np.abs(shared[0] - shared[1]).max() > 1e-3


def test_shared_layers_are_computed_once(folder):
    network, (ids, _) = trained(folder), batch()
    calls = []
    for branch in network.branches:
        branch.base.layers[0].register_forward_hook(lambda *_: calls.append(1))
    network(ids)
    assert len(calls) == 1


def test_only_layers_above_the_trunk_get_a_gradient(folder):
    network, (ids, loss_mask) = trained(folder), batch()
    torch.stack(network.token_nll(ids, loss_mask)).mean().backward()
    for branch in network.branches:
        with_gradient = {
            name for name, value in branch.named_parameters() if value.grad is not None
        }
        assert with_gradient == {
            name
            for name, _ in branch.named_parameters()
            if name.startswith(("base.layers.1.", "base.norm."))
        }


def test_adapters_are_above_the_trunk_and_can_be_merged(folder):
    network, (ids, loss_mask) = trained(folder, "lora"), batch()
    names = {name for name, value in network.named_parameters() if value.requires_grad}
    linear = 7  # layers per block, each with two matrices
    assert len(names) == CLASSES * (linear * 2 + 1)
    assert all(".layers.1." in name or ".norm." in name for name in names)
    before = torch.stack(network.token_nll(ids, loss_mask))
    for branch in network.branches:
        merge_adapters(branch)
        merge_adapters(branch)  # merging twice changes nothing
    torch.testing.assert_close(
        torch.stack(network.token_nll(ids, loss_mask)), before, atol=1e-5, rtol=1e-4
    )
    assert (before[0] - before[1]).abs().max() > 1e-3


@pytest.mark.parametrize("n_shared_layers", [0, 2])
def test_invalid_number_of_shared_layers_is_an_error(folder, n_shared_layers):
    with pytest.raises(
        ParameterError, match=f"n_shared_layers={n_shared_layers}: .* can share 1 to 1"
    ):
        untrained(folder, n_shared_layers)


def test_other_architecture_is_an_error(tmp_path):
    with pytest.raises(ParameterError, match="GPT2Model cannot have a shared trunk"):
        untrained(write_tiny(tmp_path, "gpt2"), 1)
