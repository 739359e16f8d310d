import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.models.attention import apply_rotary, position_angles
from wholescript.models.transformer import Transformer


def test_rotary_dot_products_depend_on_distance_only() -> None:
    angles = position_angles(40, 8, torch.device("cpu"))
    query, key = torch.randn(2, 8)
    products = [
        (apply_rotary(query, angles[at]) * apply_rotary(key, angles[at + 5])).sum()
        for at in (0, 11, 30)
    ]
    torch.testing.assert_close(products[0].expand(2), torch.stack(products[1:]))


def test_d_model_must_be_a_multiple_of_twice_n_head() -> None:
    with pytest.raises(ParameterError, match="d_model=10 must be a multiple of twice n_head=2"):
        Transformer(10, 2, 16, 1)
