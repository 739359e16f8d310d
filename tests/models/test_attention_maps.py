import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.models.attention_maps import attention_maps, attention_rollout
from wholescript.models.scratch_encoder import ScratchEncoder

IDS = torch.tensor([[3, 1, 4, 1, 5]])
ALL = torch.ones_like(IDS, dtype=torch.bool)


def encoder(**options):
    torch.manual_seed(0)
    return ScratchEncoder(10, 16, 2, 32, 3, pooling="mean", dropout=0.0, **options).eval()


def test_maps_reproduce_the_attention_outputs():
    one = encoder()
    calls = []

    def record(block):
        def attention(query, key, value, mask):
            output = type(block).attention(block, query, key, value, mask)
            calls.append((value, output))
            return output

        return attention

    for block in one.transformer.blocks:
        block.attention = record(block)
    maps = attention_maps(one.transformer, lambda: one(IDS, ALL))
    assert maps.shape == (3, 2, 5, 5)
    for attention, (value, output) in zip(maps, calls, strict=True):
        torch.testing.assert_close(attention @ value[0], output[0])


def test_hooks_are_removed_after_an_error():
    one = encoder()
    before = one(IDS, ALL)
    with pytest.raises(ZeroDivisionError):
        attention_maps(one.transformer, lambda: 1 / 0)
    assert not any(block.qkv._forward_hooks for block in one.transformer.blocks)
    torch.testing.assert_close(one(IDS, ALL), before)


def test_rollout_multiplies_attention_over_layers():
    first, second = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.eye(2)
    rollout = attention_rollout(torch.stack([first, second])[:, None])
    torch.testing.assert_close(rollout, torch.full((2, 2), 0.5))
    maps = attention_maps((one := encoder()).transformer, lambda: one(IDS, ALL))
    torch.testing.assert_close(attention_rollout(maps).sum(1), torch.ones(5))


@pytest.mark.parametrize("options", [{"causal": True}, {"positions": "rotary"}])
def test_causal_or_rotary_transformer_is_an_error(options):
    one = encoder(**options)
    with pytest.raises(ParameterError, match="sinusoidal"):
        attention_maps(one.transformer, lambda: one(IDS, ALL))
