import copy

import pytest
import torch
from torch.optim import AdamW, Muon
from transformers import get_wsd_schedule

from wholescript.errors import ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.training.checkpoint import load_checkpoint, save_checkpoint
from wholescript.training.optimizers import CombinedOptimizer, make_optimizer

KINDS = ("adamw", "sgd", "muon")
IDS = torch.randint(2, 50, (4, 9), generator=torch.Generator().manual_seed(0))


def gpt(**changed):
    torch.manual_seed(0)
    size = {"vocabulary": 50, "context": 8, "layers": 1, "heads": 2, "width": 16, "dropout": 0.0}
    return GPT(GPTConfig(**size, **changed), end=1)


def step(model, optimizer):
    optimizer.zero_grad()
    logits, targets = model.next_token_logits(IDS, torch.ones_like(IDS, dtype=torch.bool))
    loss = torch.nn.functional.cross_entropy(logits, targets)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("kind", KINDS)
def test_each_learns_and_moves_every_parameter(kind):
    model = gpt(tie_embeddings=False)
    before = copy.deepcopy(model.state_dict())
    optimizer = make_optimizer(kind, model, 0.1 if kind == "sgd" else 3e-3, 0.01)
    losses = [step(model, optimizer) for _ in range(20)]
    assert losses[-1] < losses[0] - 0.1
    assert all(not torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_each_part_of_muon_has_its_rate():
    muon, adam = make_optimizer("muon", gpt(), 1e-3, 0.1, 0.03).optimizers
    assert {group["lr"] for group in muon.param_groups} == {0.03}
    assert {group["lr"] for group in adam.param_groups} == {1e-3}
    with pytest.raises(ParameterError, match=r"matrix_rate=0\.0"):
        make_optimizer("muon", gpt(), 1e-3, 0.1, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_no_vector_decays(kind):
    groups = make_optimizer(kind, gpt(), 1e-3, 0.1).param_groups
    of = {p.ndim: group["weight_decay"] for group in groups for p in group["params"]}
    assert of == {1: 0.0, 2: 0.1}


def test_matrices_of_the_blocks_are_muons_alone():
    model = gpt()
    optimizer = make_optimizer("muon", model, 1e-3, 0.1)
    muon, adam = optimizer.optimizers
    assert isinstance(muon, Muon) and isinstance(adam, AdamW)
    of_muon = {id(p) for group in muon.param_groups for p in group["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in of_muon}
    assert names == {
        f"{part}.0.layer.{layer}.weight"
        for part, layers in (
            ("attention", ("qkv", "project")),
            ("feedforward", ("rise", "project")),
        )
        for layer in layers
    }
    decayed = [p for group in adam.param_groups if group["weight_decay"] for p in group["params"]]
    assert {id(p) for p in decayed} == {id(model.tokens.weight), id(model.wpe.weight)}


def test_together_they_do_what_each_does_alone():
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


@pytest.mark.parametrize("kind", KINDS)
def test_taken_up_again_they_go_on_as_they_were(kind, tmp_path):
    model = gpt()
    optimizer = make_optimizer(kind, model, 3e-3, 0.1)
    step(model, optimizer)
    save_checkpoint(tmp_path / "c.safetensors", model, optimizer, {}, {"done": 1})
    again = gpt()
    restored = make_optimizer(kind, again, 3e-3, 0.1)
    assert load_checkpoint(tmp_path / "c.safetensors", again, restored) is not None
    for _ in range(2):
        step(model, optimizer)
        step(again, restored)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_a_schedule_reaches_all_parts():
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


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ParameterError, match="'lion' is none of adamw, sgd, muon"):
        make_optimizer("lion", gpt(), 1e-3, 0.0)
