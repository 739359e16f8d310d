import pytest
import torch

from wholescript.models.scratch_encoder import ScratchEncoder

VOCAB = 50


def tokens(n: int = 5, length: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of sequences with 12, 3, 7, 1 and 12 tokens."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(VOCAB, (n, length), generator=generator)
    mask = torch.arange(length) < torch.tensor([length, 3, 7, 1, length])[:n, None]
    return ids, mask


@pytest.fixture(params=["sinusoidal", "rotary"])
def positions(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("causal", [False, True])
def test_padding_has_no_influence(positions: str, causal: bool) -> None:
    torch.manual_seed(0)
    encoder = ScratchEncoder(VOCAB, 16, 2, 32, positions=positions, causal=causal).eval()
    ids, mask = tokens()
    vectors = encoder(ids, mask)
    assert vectors.shape == (5, 16) and torch.isfinite(vectors).all()
    other_padding = torch.where(mask, ids, VOCAB - 1)
    torch.testing.assert_close(encoder(other_padding, mask), vectors)
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = encoder(ids[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone[0], vectors[row])


def test_token_order_matters(positions: str) -> None:
    torch.manual_seed(0)
    encoder = ScratchEncoder(VOCAB, 16, 2, 32, positions=positions).eval()
    ids, mask = tokens(1)
    assert not torch.allclose(encoder(ids, mask), encoder(ids.flip(1), mask), atol=1e-4)


def test_causal_states_do_not_depend_on_later_tokens(positions: str) -> None:
    torch.manual_seed(0)
    encoder = ScratchEncoder(VOCAB, 16, 2, 32, positions=positions, causal=True).eval()
    ids, mask = tokens(1)
    changed = ids.clone()
    changed[0, 6:] = (changed[0, 6:] + 1) % VOCAB
    before, after = encoder.hidden_states(ids, mask), encoder.hidden_states(changed, mask)
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6:], after[:, 6:], atol=1e-3)
