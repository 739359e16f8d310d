import pytest
import torch

from wholescript.models.attention import dot_product_attention

MASKS = {
    "causal": torch.ones(6, 6, dtype=torch.bool).tril(),
    "padded": torch.tensor([[True] * 6, [True] * 2 + [False] * 4])[:, None, None, :],
}


@pytest.mark.parametrize("attn_mask", MASKS.values(), ids=MASKS)
def test_half_precision_matches_float32(attn_mask):
    torch.manual_seed(0)
    exact = [torch.randn(2, 3, 6, 4, requires_grad=True) for _ in range(3)]
    half = [part.detach().bfloat16().requires_grad_() for part in exact]
    expected, found = (dot_product_attention(*parts, attn_mask) for parts in (exact, half))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.03, rtol=0.03)
    weight = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad((found.float() * weight).sum(), half),
        torch.autograd.grad((expected * weight).sum(), exact),
        strict=True,
    ):
        torch.testing.assert_close(one.float(), other, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_masked_keys_have_no_influence(dtype):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 1, 6, 4, dtype=dtype)
    other = value.clone()
    other[1, :, 2:] = 7.0
    before, after = (dot_product_attention(query, key, v, MASKS["padded"]) for v in (value, other))
    torch.testing.assert_close(before, after)
