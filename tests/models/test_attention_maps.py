import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.models.attention_maps import attention_maps, attention_rollout
from wholescript.models.chunked import ScratchEncoder

IDS = torch.tensor([[3, 1, 4, 1, 5]])
ALL = torch.ones_like(IDS, dtype=torch.bool)


def encoder(**options):
    torch.manual_seed(0)
    return ScratchEncoder(10, 16, 2, 32, 3, pooling="mean", dropout=0.0, **options).eval()


def test_the_maps_are_what_the_blocks_read_by():
    one = encoder()
    read = []
    for block in one.transformer.blocks:
        block.read = lambda q, k, v, mask, block=block: read.append((v, type(block).read(
            block, q, k, v, mask))) or read[-1][1]  # fmt: skip
    maps = attention_maps(one.transformer, lambda: one(IDS, ALL))
    assert maps.shape == (3, 2, 5, 5)
    for attention, (value, found) in zip(maps, read, strict=True):
        torch.testing.assert_close(attention @ value[0], found[0])


def test_no_hook_stays():
    one = encoder()
    before = one(IDS, ALL)
    with pytest.raises(ZeroDivisionError):
        attention_maps(one.transformer, lambda: 1 / 0)
    assert not any(block.qkv._forward_hooks for block in one.transformer.blocks)
    torch.testing.assert_close(one(IDS, ALL), before)


def test_rollout_follows_attention_through_the_blocks():
    first, second = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.eye(2)
    reached = attention_rollout(torch.stack([first, second])[:, None])
    torch.testing.assert_close(reached, torch.full((2, 2), 0.5))
    maps = attention_maps((one := encoder()).transformer, lambda: one(IDS, ALL))
    torch.testing.assert_close(attention_rollout(maps).sum(1), torch.ones(5))


@pytest.mark.parametrize("options", [{"causal": True}, {"positions": "rotary"}])
def test_other_transformers_are_refused(options):
    one = encoder(**options)
    with pytest.raises(ParameterError, match="sinusoidal"):
        attention_maps(one.transformer, lambda: one(IDS, ALL))
