import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.models.aggregators import GatedAttention, QueryDecoder
from wholescript.models.chunked import ChunkedClassifier, ScratchEncoder, pad_chunks
from wholescript.models.transformer import Transformer, apply_rotary, position_angles

WORDS = 50


def tokens(n: int = 5, length: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(WORDS, (n, length), generator=generator)
    mask = torch.arange(length) < torch.tensor([length, 3, 7, 1, length])[:n, None]
    return ids, mask


@pytest.fixture(params=["sinusoidal", "rotary"])
def positions(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("causal", [False, True])
def test_padding_changes_no_chunk(positions: str, causal: bool) -> None:
    torch.manual_seed(0)
    encoder = ScratchEncoder(WORDS, 16, 2, 32, positions=positions, causal=causal).eval()
    ids, mask = tokens()
    vectors = encoder(ids, mask)
    assert vectors.shape == (5, 16) and torch.isfinite(vectors).all()
    spoiled = torch.where(mask, ids, WORDS - 1)
    torch.testing.assert_close(encoder(spoiled, mask), vectors)
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = encoder(ids[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone[0], vectors[row])


def test_order_counts(positions: str) -> None:
    torch.manual_seed(0)
    encoder = ScratchEncoder(WORDS, 16, 2, 32, positions=positions).eval()
    ids, mask = tokens(1)
    assert not torch.allclose(encoder(ids, mask), encoder(ids.flip(1), mask), atol=1e-4)


def test_a_causal_state_reads_nothing_later(positions: str) -> None:
    torch.manual_seed(0)
    encoder = ScratchEncoder(WORDS, 16, 2, 32, positions=positions, causal=True).eval()
    ids, mask = tokens(1)
    changed = ids.clone()
    changed[0, 6:] = (changed[0, 6:] + 1) % WORDS
    before, after = encoder.states(ids, mask), encoder.states(changed, mask)
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6:], after[:, 6:], atol=1e-3)


def test_rotated_products_tell_distance_only() -> None:
    turn = position_angles(40, 8, torch.device("cpu"))
    query, key = torch.randn(2, 8)
    products = [
        (apply_rotary(query, turn[at]) * apply_rotary(key, turn[at + 5])).sum()
        for at in (0, 11, 30)
    ]
    torch.testing.assert_close(products[0].expand(2), torch.stack(products[1:]))


def test_dimensions_must_come_in_pairs() -> None:
    with pytest.raises(ParameterError, match="d_model=10 must be a multiple of twice heads=2"):
        Transformer(10, 2, 16, 1)


def test_unpacked_films_keep_their_chunks() -> None:
    vectors = torch.arange(12.0).view(6, 2)
    padded, mask = pad_chunks(vectors, torch.tensor([1, 3, 2]))
    assert padded.shape == (3, 3, 2)
    assert mask.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    torch.testing.assert_close(padded[mask], vectors)


@pytest.mark.parametrize("aggregator", [GatedAttention, QueryDecoder])
def test_a_film_reads_the_same_in_any_batch(aggregator: type) -> None:
    torch.manual_seed(0)
    model = ChunkedClassifier(ScratchEncoder(WORDS, 16, 2, 32), aggregator(16, 8)).eval()
    ids, mask = tokens()
    together = model(ids, mask, torch.tensor([3, 2]))
    alone = model(ids[3:], mask[3:], torch.tensor([2]))
    torch.testing.assert_close(together.logits[1:], alone.logits)
    torch.testing.assert_close(together.attention.sum(1), torch.ones(2))
