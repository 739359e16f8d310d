import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from wholescript.models.attention import attend

MASKS = {
    "causal": torch.ones(6, 6, dtype=torch.bool).tril(),
    "padded": torch.tensor([[True] * 6, [True] * 2 + [False] * 4])[:, None, None, :],
}


@pytest.mark.parametrize("allowed", MASKS.values(), ids=MASKS)
def test_it_is_attention(allowed):
    torch.manual_seed(0)
    parts = [torch.randn(2, 3, 6, 4, requires_grad=True) for _ in range(3)]
    found = attend(*parts, allowed)
    expected = scaled_dot_product_attention(*parts, allowed)
    torch.testing.assert_close(found, expected)
    weight = torch.randn_like(found)
    for one, other in zip(
        torch.autograd.grad((found * weight).sum(), parts),
        torch.autograd.grad((expected * weight).sum(), parts),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_under_autocast_it_stays_in_half_precision():
    query, key, value = torch.randn(3, 2, 1, 6, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = attend(query, key, value, MASKS["causal"])
    assert found.dtype == torch.bfloat16
    expected = attend(query, key, value, MASKS["causal"])
    torch.testing.assert_close(found.float(), expected, atol=0.05, rtol=0.05)
