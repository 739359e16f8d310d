import numpy as np
import pytest
import torch

from wholescript.models.aggregators import GatedAttention
from wholescript.models.projection import ProjectedAggregator


@pytest.fixture
def vectors():
    """Vectors of which two directions vary, around a distant mean."""
    generator = np.random.default_rng(0)
    values = generator.normal(5, 0.01, (300, 8))
    values[:, 3] += generator.normal(0, 2, 300)
    values[:, 6] += generator.normal(0, 1, 300)
    return values.astype(np.float32)


def test_the_axes_are_the_principal_ones_at_a_standard_deviation_of_one(vectors):
    model = ProjectedAggregator(torch.nn.Identity(), 8, 2)
    model.fit_axes(vectors)
    projected = (torch.from_numpy(vectors) - model.mean) @ model.axes
    assert projected.std(0).argmax() == 0 and projected.std() == pytest.approx(1, abs=0.02)
    assert projected.mean(0).abs().max() < 0.02
    assert model.axes[:, 0].abs().argmax() == 3 and model.axes[:, 1].abs().argmax() == 6


def test_the_axes_are_stored_and_not_trained(vectors):
    torch.manual_seed(0)
    model = ProjectedAggregator(GatedAttention(2, 4, 3, 0.0), 8, 2).eval()
    model.fit_axes(vectors)
    chunks, mask = torch.from_numpy(vectors).view(50, 6, 8), torch.ones(50, 6, dtype=torch.bool)
    output = model(chunks, mask)
    assert output.logits.shape == (50,) and output.logits.std() > 0
    torch.testing.assert_close(output.attention.sum(1), torch.ones(50))
    assert all(not name.startswith(("mean", "axes")) for name, _ in model.named_parameters())
    other = ProjectedAggregator(GatedAttention(2, 4, 3, 0.0), 8, 2).eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(chunks, mask).logits, output.logits)
