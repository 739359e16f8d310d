from dataclasses import replace

import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.models.gpt import GPT, GPTConfig, same_document_mask

END = 1
SMALL = GPTConfig(vocab_size=50, block_size=12, n_layer=2, n_head=2, d_model=16, dropout=0.0)
SWITCHES = {
    "baseline": {},
    "rotary": {"positions": "rotary"},
    "rms": {"norm": "rms"},
    "swiglu": {"feedforward": "swiglu"},
    "relu2": {"feedforward": "relu2"},
    "residual init": {"residual_init": True},
    "title mask": {"title_mask": True},
    "untied": {"tied": False},
    "gated": {"gated": True},
    "layer scale": {"layer_scale": 0.1},
}


def gpt(**changed):
    torch.manual_seed(0)
    return GPT(replace(SMALL, **changed), END).eval()


@pytest.mark.parametrize("changed", SWITCHES.values(), ids=SWITCHES)
def test_no_token_reads_a_later_one_and_all_weights_learn(changed):
    model = gpt(**changed)
    ids = torch.randint(2, 50, (2, 12), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[:, 7:] = torch.flip(ids[:, 7:], [1])
    before, after = model(ids), model(other)
    assert before.shape == (2, 12, 50)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])
    before.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_a_masked_title_reads_nothing_of_the_ones_before():
    ids = torch.tensor([[END, 5, 6, END, 7, 8]])
    other = torch.tensor([[END, 9, 4, END, 7, 8]])
    model = gpt(document_mask=True, positions="rotary")
    torch.testing.assert_close(model(ids)[:, 3:], model(other)[:, 3:])
    assert not torch.allclose(gpt()(ids)[:, 3:], gpt()(other)[:, 3:])
    alone = model(torch.tensor([[END, 7, 8]]))
    torch.testing.assert_close(model(ids)[:, 3:], alone)
    assert same_document_mask(ids, END)[0, 0, 4].tolist() == [False, False, False, True, True, True]


def test_the_baseline_has_the_size_that_was_published():
    model = GPT(GPTConfig(), END)
    blocks = 6 * (4 * 512**2 + 8 * 512**2 + 13 * 512)
    assert sum(p.numel() for p in model.parameters()) == blocks + (16_000 + 128 + 2) * 512
    assert model.head is None
    assert not model.wpe.weight.any()
    assert 0.0195 < model.tokens.weight.std() < 0.0205


def test_residual_branches_begin_smaller_where_asked():
    plain, shrunk = gpt(), gpt(scaled_residual_init=True)
    ratio = shrunk.attention[0].layer.project.weight / plain.attention[0].layer.project.weight
    torch.testing.assert_close(ratio, torch.full((16, 16), 0.5))
    torch.testing.assert_close(shrunk.tokens.weight, plain.tokens.weight)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"positions": "alibi"}, "'alibi' is none of learned, rotary"),
        ({"heads": 3}, "d_model=16 must be a multiple of twice n_head=3"),
        ({"dropout": 1.0}, r"dropout=1\.0"),
        ({"layers": 0}, "at least 1"),
    ],
)
def test_what_could_not_be_built_is_refused(changed, message):
    with pytest.raises(ParameterError, match=message):
        replace(SMALL, **changed)
