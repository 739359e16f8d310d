import pytest
import torch

from tests.models.padded_films import D, films
from wholescript.models.long_context_aggregators import (
    LONG_CONTEXT_AGGREGATORS,
    LongformerAggregator,
    Mamba2Aggregator,
    pack,
)


def small_longformer():
    return LongformerAggregator(D, d_model=16, n_head=2, d_feedforward=24, attention_window=4)


def small_mamba2():
    return Mamba2Aggregator(D, d_model=16, n_head=2, d_state=4, chunk_size=4)


@pytest.fixture(params=[small_longformer, small_mamba2])
def model(request):
    torch.manual_seed(0)
    return request.param().eval()


def test_output_does_not_depend_on_padding_or_batch(model):
    chunks, mask = films(9, 1, 4)
    batch = model(chunks, mask)
    for row, length in enumerate([9, 1, 4]):
        alone = model(chunks[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone.logits[0], batch.logits[row])
        torch.testing.assert_close(alone.attention[0], batch.attention[row, :length])


def test_dropped_chunks_have_no_influence(model):
    chunks, mask = films(9, 5)
    mask[0, [0, 3, 4]] = False
    other = chunks.masked_fill(~mask.unsqueeze(-1), -7.0)
    torch.testing.assert_close(model(chunks, mask), model(other, mask))


def test_attention_is_uniform_over_the_chunks_of_a_film(model):
    chunks, mask = films(9, 1, 4)
    attention = model(chunks, mask).attention
    torch.testing.assert_close(attention, mask / mask.sum(1, keepdim=True))


def test_logits_depend_on_the_order(model):
    chunks, mask = films(9)
    assert (model(chunks, mask).logits - model(chunks.flip(1), mask).logits).abs() > 1e-5


def test_every_parameter_is_used(model):
    model.train()
    model(*films(9, 1, 4, 7)).logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_default_sizes_take_the_longest_film():
    for build in LONG_CONTEXT_AGGREGATORS.values():
        torch.manual_seed(0)
        output = build(D)(*films(418, 3))
        assert output.logits.shape == (2,) and output.logits.isfinite().all()


def test_pack_keeps_order_and_places():
    chunks = torch.arange(8.0).reshape(2, 4, 1)
    mask = torch.tensor([[False, True, False, True], [True, False, False, False]])
    kept, kept_mask, places = pack(chunks, mask)
    assert kept.squeeze(-1).tolist() == [[1, 3], [4, 0]]
    assert kept_mask.tolist() == [[True, True], [True, False]]
    assert places.tolist() == [[1, 3], [0, 0]]
