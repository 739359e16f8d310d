import numpy as np
import pytest
import torch

from tests.models.tiny_decoders import write_tiny
from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.adapters import prepare_for_tuning
from wholescript.models.causal_lm import CausalLM
from wholescript.models.shared_trunk_lm import SharedTrunkLM, merge_adapters, unfreeze_above

CLASSES = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("decoder"))


def begun(folder, n_shared_layers, tuning="full"):
    decoder = load_decoder(str(folder))
    model = CausalLM(decoder.model, prepare_for_tuning(decoder, "full"))
    unfreeze_above(model, n_shared_layers, tuning, rank=2, alpha=6)
    return model


def forked(folder, tuning="full"):
    network = SharedTrunkLM([begun(folder, 1, tuning) for _ in range(CLASSES)], 1).eval()
    torch.manual_seed(1)
    with torch.no_grad():  # as if each had been trained
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn_like(parameter)
    return network


def batch():
    ids = torch.randint(1, 40, (2, 12), generator=torch.manual_seed(0))
    loss_mask = torch.ones_like(ids, dtype=torch.bool)
    loss_mask[1, 8:] = False
    return ids, loss_mask


def test_each_class_reads_as_its_model_alone_does(folder):
    network, (ids, loss_mask) = forked(folder), batch()
    together = [
        token_nll.detach().numpy() for token_nll in network.token_nll(ids, loss_mask, logit_chunk=5)
    ]
    for token_nll, branch in zip(together, network.branches, strict=True):
        alone = -branch.log_probabilities(ids, loss_mask).numpy()
        np.testing.assert_allclose(token_nll, alone, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_what_is_shared_is_read_once_for_all_classes(folder):
    network, (ids, _) = forked(folder), batch()
    read = []
    for branch in network.branches:
        branch.base.layers[0].register_forward_hook(lambda *_: read.append(1))
    network(ids)
    assert len(read) == 1


def test_only_what_is_above_the_fork_has_a_gradient(folder):
    network, (ids, loss_mask) = forked(folder), batch()
    torch.stack(network.token_nll(ids, loss_mask)).mean().backward()
    for branch in network.branches:
        given = {name for name, value in branch.named_parameters() if value.grad is not None}
        assert given == {
            name
            for name, _ in branch.named_parameters()
            if name.startswith(("base.layers.1.", "base.norm."))
        }


def test_adapters_stand_above_the_fork_alone_and_can_be_merged(folder):
    network, (ids, loss_mask) = forked(folder, "lora"), batch()
    trained = {name for name, value in network.named_parameters() if value.requires_grad}
    linear = 7  # of a block, each with two matrices
    assert len(trained) == CLASSES * (linear * 2 + 1)
    assert all(".layers.1." in name or ".norm." in name for name in trained)
    before = torch.stack(network.token_nll(ids, loss_mask))
    for branch in network.branches:
        merge_adapters(branch)
        merge_adapters(branch)  # merged they stay as they are
    torch.testing.assert_close(
        torch.stack(network.token_nll(ids, loss_mask)), before, atol=1e-5, rtol=1e-4
    )
    assert (before[0] - before[1]).abs().max() > 1e-3


@pytest.mark.parametrize("shared", [0, 2])
def test_a_fork_has_blocks_below_and_above(folder, n_shared_layers):
    with pytest.raises(ParameterError, match=f"fork={n_shared_layers}: of 2 blocks share 1 to 1"):
        begun(folder, n_shared_layers)


def test_a_model_of_another_design_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="GPT2Model cannot be forked"):
        begun(write_tiny(tmp_path, "gpt2"), 1)
