import copy

import pytest
import torch
from torch.optim import AdamW, Muon
from transformers import get_wsd_schedule

from wholescript.errors import ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.training.checkpoint import load_checkpoint, save_checkpoint
from wholescript.training.optimizers import CombinedOptimizer, make_optimizer

NAMES = ("adamw", "sgd", "muon")
IDS = torch.randint(2, 50, (4, 9), generator=torch.Generator().manual_seed(0))


def gpt(**changed):
    torch.manual_seed(0)
    size = {
        "vocab_size": 50,
        "block_size": 8,
        "n_layer": 1,
        "n_head": 2,
        "d_model": 16,
        "dropout": 0.0,
    }
    return GPT(GPTConfig(**size, **changed), eos_token_id=1)


def step(model, optimizer):
    optimizer.zero_grad()
    logits, targets = model.next_token_logits(IDS, torch.ones_like(IDS, dtype=torch.bool))
    loss = torch.nn.functional.cross_entropy(logits, targets)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("name", NAMES)
def test_each_optimizer_learns_and_updates_every_parameter(name):
    model = gpt(tie_embeddings=False)
    before = copy.deepcopy(model.state_dict())
    optimizer = make_optimizer(name, model, 0.1 if name == "sgd" else 3e-3, 0.01)
    losses = [step(model, optimizer) for _ in range(20)]
    assert losses[-1] < losses[0] - 0.1
    assert all(not torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_muon_and_adamw_have_their_own_learning_rate():
    muon, adam = make_optimizer("muon", gpt(), 1e-3, 0.1, 0.03).optimizers
    assert {group["lr"] for group in muon.param_groups} == {0.03}
    assert {group["lr"] for group in adam.param_groups} == {1e-3}
    with pytest.raises(ParameterError, match=r"muon_lr=0\.0"):
        make_optimizer("muon", gpt(), 1e-3, 0.1, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_applies_to_matrices_only(name):
    groups = make_optimizer(name, gpt(), 1e-3, 0.1).param_groups
    of = {p.ndim: group["weight_decay"] for group in groups for p in group["params"]}
    assert of == {1: 0.0, 2: 0.1}


def test_muon_trains_the_matrices_of_the_blocks_only():
    model = gpt()
    optimizer = make_optimizer("muon", model, 1e-3, 0.1)
    muon, adam = optimizer.optimizers
    assert isinstance(muon, Muon) and isinstance(adam, AdamW)
    of_muon = {id(p) for group in muon.param_groups for p in group["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in of_muon}
    assert names == {
        f"{part}.0.layer.{layer}.weight"
        for part, layers in (
            ("attention", ("qkv", "out_proj")),
            ("feedforward", ("up_proj", "down_proj")),
        )
        for layer in layers
    }
    decayed = [p for group in adam.param_groups if group["weight_decay"] for p in group["params"]]
    assert {id(p) for p in decayed} == {id(model.wte.weight), id(model.wpe.weight)}


def test_combined_optimizer_equals_separate_optimizers():
    one, other = gpt(), gpt()
    together = make_optimizer("muon", one, 3e-3, 0.1)
    alone = make_optimizer("muon", other, 3e-3, 0.1).optimizers
    muon, adam = alone
    for _ in range(3):
        step(one, together)
        adam.zero_grad()
        step(other, muon)
        adam.step()
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name])


@pytest.mark.parametrize("name", NAMES)
def test_optimizers_resume_from_a_checkpoint(name, tmp_path):
    model = gpt()
    optimizer = make_optimizer(name, model, 3e-3, 0.1)
    step(model, optimizer)
    save_checkpoint(tmp_path / "c.safetensors", model, optimizer, {}, {"steps_done": 1})
    resumed = gpt()
    restored = make_optimizer(name, resumed, 3e-3, 0.1)
    assert load_checkpoint(tmp_path / "c.safetensors", resumed, restored) is not None
    for _ in range(2):
        step(model, optimizer)
        step(resumed, restored)
    for key, value in model.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key])


def test_schedule_applies_to_all_optimizers():
    optimizer = make_optimizer("muon", gpt(), 1e-2, 0.1, 1e-2)
    schedule = get_wsd_schedule(optimizer, 2, 2, num_training_steps=8)
    rates = []
    for _ in range(8):
        optimizer.step()
        schedule.step()
        rates.append([part.param_groups[0]["lr"] for part in optimizer.optimizers])
    assert all(first == second for first, second in rates)
    assert rates[0][0] == 0.005 and rates[3][0] == 0.01 and rates[-1][0] < 1e-8
    assert isinstance(optimizer, CombinedOptimizer)


def test_unknown_optimizer_raises():
    with pytest.raises(ParameterError, match="'lion' is none of adamw, sgd, muon"):
        make_optimizer("lion", gpt(), 1e-3, 0.0)
