import pytest
import torch
from torch import nn

from wholescript.training.checkpoint import (
    load_checkpoint,
    load_trainable_state_dict,
    save_checkpoint,
    trainable_state_dict,
)

METADATA = {"history": [{"epoch": 1, "loss": 0.25}], "learning_rates": [0.1]}


def pair(seed):
    """A model and its optimizer after one step."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), 0.1)
    model(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.fixture
def saved(tmp_path):
    model, optimizer = pair(0)
    best = {name: value + 1 for name, value in model.state_dict().items()}
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, model, optimizer, best, METADATA)
    return path, model, optimizer, best


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_model_optimizer_best_state_and_metadata_are_restored(saved):
    path, model, optimizer, best = saved
    other, other_optimizer = pair(1)
    found = load_checkpoint(path, other, other_optimizer)
    assert found is not None
    assert_equal(found[0], best)
    assert found[1] == METADATA
    assert_equal(other.state_dict(), model.state_dict())
    state, expected = (o.state_dict()["state"] for o in (other_optimizer, optimizer))
    assert state.keys() == expected.keys()
    for index in expected:
        assert_equal(state[index], expected[index])


def test_same_state_gives_the_same_bytes(saved, tmp_path):
    path, model, optimizer, best = saved
    save_checkpoint(tmp_path / "again", model, optimizer, best, METADATA)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("share", [None, 0, 0.01, 0.5, 0.999])
def test_missing_or_truncated_file_changes_nothing(saved, share):
    path = saved[0]
    content = path.read_bytes()
    path.unlink()
    if share is not None:
        path.write_bytes(content[: int(share * len(content))])
    model, optimizer = pair(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert load_checkpoint(path, model, optimizer) is None
    assert_equal(model.state_dict(), before)


def test_frozen_parameters_are_not_stored(tmp_path):
    model, _ = pair(0)
    model[0].requires_grad_(False)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 0.1)
    path = tmp_path / "checkpoint.safetensors"
    best = {name: value.clone() for name, value in trainable_state_dict(model).items()}
    save_checkpoint(path, model, optimizer, best, METADATA)
    other, _ = pair(1)
    other[0].requires_grad_(False)
    before = other[0].weight.clone()
    best, _ = load_checkpoint(path, other, optimizer)
    assert "0.weight" not in best
    assert torch.equal(other[0].weight, before)
    assert torch.equal(other[2].weight, model[2].weight)


def test_state_of_another_model_raises():
    model, _ = pair(0)
    with pytest.raises(RuntimeError, match=r"differs in \['9.weight'\]"):
        load_trainable_state_dict(
            model, {**trainable_state_dict(model), "9.weight": torch.zeros(1)}
        )
