import pytest
import torch
from torch import nn

from wholescript.models.dropout import FastDropout


@pytest.mark.parametrize("p", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_share_p_is_dropped_and_the_mean_is_kept(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    dropped = FastDropout(p)(torch.ones(1001, 999, dtype=dtype))
    assert dropped.dtype is dtype
    assert float((dropped == 0).float().mean()) == pytest.approx(p, abs=0.002)
    assert float(dropped.float().mean()) == pytest.approx(1, abs=0.01)
    assert len(dropped.unique()) == 2


def test_neighbouring_units_are_independent() -> None:
    torch.manual_seed(0)
    kept = (FastDropout(0.5)(torch.ones(250_000, 4)) > 0).float()
    assert torch.corrcoef(kept.T).fill_diagonal_(0).abs().max() < 0.01


def test_dropped_units_have_no_gradient() -> None:
    states = torch.randn(50, 7, requires_grad=True)
    dropped = FastDropout(0.4)(states)
    dropped.sum().backward()
    torch.testing.assert_close(states.grad, dropped.detach() / states.detach())


def test_mask_depends_on_the_seed() -> None:
    def drop(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return FastDropout(0.5)(torch.ones(100))

    assert torch.equal(drop(1), drop(1))
    assert not torch.equal(drop(1), drop(2))


@pytest.mark.parametrize(("p", "value"), [(0.0, 1.0), (1.0, 0.0)])
def test_p_0_and_p_1(p: float, value: float) -> None:
    assert torch.equal(FastDropout(p)(torch.ones(9)), torch.full((9,), value))


def test_nothing_is_dropped_in_eval_mode() -> None:
    states = torch.randn(3, 3)
    assert torch.equal(FastDropout(0.9).eval()(states), states)


def test_is_a_torch_dropout() -> None:
    assert isinstance(FastDropout(0.1), nn.Dropout)
