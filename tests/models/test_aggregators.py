import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.padded_films import D, films
from wholescript.models.aggregators import (
    GatedAttention,
    LinearAttentionAggregator,
    QueryAggregator,
    TransformerAggregator,
    relative_positions,
    sinusoidal_positions,
)


def gated():
    return GatedAttention(D, d_model=16, d_attention=8)


def decoder():
    return QueryAggregator(D, d_model=16, n_head=2, d_feedforward=24, n_layer=2, n_queries=3)


def encoder():
    return TransformerAggregator(D, d_model=16, n_head=2, d_feedforward=24, n_layer=2)


def linear():
    return LinearAttentionAggregator(D, d_model=16, n_head=2, d_feedforward=24, n_layer=2)


@pytest.fixture(params=[gated, decoder, encoder, linear])
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


def test_attention_sums_to_one_over_the_chunks_of_a_film(model):
    chunks, mask = films(9, 1, 4)
    attention = model(chunks, mask).attention
    torch.testing.assert_close(attention.sum(1), torch.ones(3))
    assert (attention >= 0).all()
    assert (attention[~mask] == 0).all()


def test_a_film_of_one_chunk_gets_a_logit(model):
    output = model(*films(1))
    assert output.logits.shape == (1,)
    assert output.logits.isfinite().all()
    torch.testing.assert_close(output.attention, torch.ones(1, 1))


def test_every_parameter_gets_a_gradient(model):
    model.train()
    chunks, mask = films(9, 1, 4, 7)
    model(chunks, mask).logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
        assert parameter.grad.isfinite().all(), name


def test_logits_depend_on_the_chunks(model):
    mask = torch.ones(1, 6, dtype=torch.bool)
    first, second = (model(films(6, seed=seed)[0], mask).logits for seed in (1, 2))
    assert (first - second).abs() > 1e-4


def reversed_films(*lengths):
    chunks, mask = films(*lengths)
    reversed_chunks = chunks.clone()
    for row, length in enumerate(lengths):
        reversed_chunks[row, :length] = chunks[row, :length].flip(0)
    return chunks, reversed_chunks, mask


def test_gated_attention_ignores_the_order():
    torch.manual_seed(0)
    model = gated().eval()
    chunks, reversed_chunks, mask = reversed_films(9, 4)
    torch.testing.assert_close(model(chunks, mask).logits, model(reversed_chunks, mask).logits)
    torch.testing.assert_close(
        model(chunks, mask).attention[0], model(reversed_chunks, mask).attention[0].flip(0)
    )


def test_query_decoder_depends_on_the_order():
    torch.manual_seed(0)
    model = decoder().eval()
    chunks, reversed_chunks, mask = reversed_films(9, 4)
    difference = model(chunks, mask).logits - model(reversed_chunks, mask).logits
    assert (difference.abs() > 1e-4).all()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_relative_positions_range_from_0_to_1_for_any_length(lengths):
    _, mask = films(*lengths)
    found = relative_positions(mask)
    assert (found[:, 0] == 0).all()
    for row, length in enumerate(lengths):
        steps = torch.linspace(0, 1, length) if length > 1 else torch.zeros(1)
        torch.testing.assert_close(found[row, :length], steps)


def test_masked_chunks_do_not_move_the_others():
    whole = torch.ones(1, 11, dtype=torch.bool)
    mask = torch.tensor([[0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1]], dtype=torch.bool)
    torch.testing.assert_close(relative_positions(mask)[mask], relative_positions(whole)[mask])


def test_sinusoidal_positions_are_distinct():
    rows = sinusoidal_positions(torch.linspace(0, 1, 100).unsqueeze(0), 16)[0]
    assert rows.shape == (100, 16)
    distance = torch.cdist(rows, rows) + 10 * torch.eye(100)
    assert distance.min() > 0.1
