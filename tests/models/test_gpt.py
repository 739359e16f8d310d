from dataclasses import replace

import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.models.gpt import GPT, GPTConfig, same_document_mask

EOS = 1
SMALL = GPTConfig(vocab_size=50, block_size=12, n_layer=2, n_head=2, d_model=16, dropout=0.0)
OPTIONS = {
    "baseline": {},
    "rotary": {"positions": "rotary"},
    "rms": {"norm": "rms"},
    "swiglu": {"feedforward": "swiglu"},
    "relu2": {"feedforward": "relu2"},
    "scaled residual init": {"scaled_residual_init": True},
    "document mask": {"document_mask": True},
    "untied": {"tie_embeddings": False},
    "attention gate": {"attention_gate": True},
    "layer scale": {"layer_scale": 0.1},
}


def gpt(**options):
    torch.manual_seed(0)
    return GPT(replace(SMALL, **options), EOS).eval()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_attention_is_causal_and_every_parameter_has_a_gradient(options):
    model = gpt(**options)
    ids = torch.randint(2, 50, (2, 12), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[:, 7:] = torch.flip(ids[:, 7:], [1])
    logits, other_logits = model(ids), model(other)
    assert logits.shape == (2, 12, 50)
    torch.testing.assert_close(logits[:, :7], other_logits[:, :7])
    assert not torch.allclose(logits[:, 7:], other_logits[:, 7:])
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_document_mask_hides_earlier_documents():
    ids = torch.tensor([[EOS, 5, 6, EOS, 7, 8]])
    other = torch.tensor([[EOS, 9, 4, EOS, 7, 8]])
    model = gpt(document_mask=True, positions="rotary")
    torch.testing.assert_close(model(ids)[:, 3:], model(other)[:, 3:])
    assert not torch.allclose(gpt()(ids)[:, 3:], gpt()(other)[:, 3:])
    alone = model(torch.tensor([[EOS, 7, 8]]))
    torch.testing.assert_close(model(ids)[:, 3:], alone)
    assert same_document_mask(ids, EOS)[0, 0, 4].tolist() == [False, False, False, True, True, True]


def test_baseline_has_the_published_size_and_initialisation():
    model = GPT(GPTConfig(), EOS)
    blocks = 6 * (4 * 512**2 + 8 * 512**2 + 13 * 512)
    assert sum(p.numel() for p in model.parameters()) == blocks + (16_000 + 128 + 2) * 512
    assert model.untied_head is None
    assert not model.wpe.weight.any()
    assert 0.0195 < model.wte.weight.std() < 0.0205


def test_scaled_residual_init_shrinks_residual_projections_only():
    plain, scaled = gpt(), gpt(scaled_residual_init=True)
    ratios = {
        name: (parameter / plain.state_dict()[name]).mean().item()
        for name, parameter in scaled.state_dict().items()
        if parameter.ndim == 2 and name != "wpe.weight"
    }
    for name, ratio in ratios.items():
        expected = 0.5 if name.endswith(("out_proj.weight", "down_proj.weight")) else 1.0
        assert ratio == pytest.approx(expected), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": "alibi"}, "'alibi' is none of learned, rotary"),
        ({"n_head": 3}, "d_model=16 must be a multiple of twice n_head=3"),
        ({"dropout": 1.0}, r"dropout=1\.0"),
        ({"n_layer": 0}, "n_layer=0 must be a whole number, at least 1"),
    ],
)
def test_invalid_config_raises(options, message):
    with pytest.raises(ParameterError, match=message):
        replace(SMALL, **options)
