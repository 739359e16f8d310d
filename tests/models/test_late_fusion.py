import torch

from wholescript.models.aggregators import GatedAttention
from wholescript.models.late_fusion import LateFusion


def test_late_fusion_adds_a_linear_function_to_the_logits():
    torch.manual_seed(0)
    aggregator = GatedAttention(6, 8, 4)
    model = LateFusion(aggregator, 3).eval()
    chunks, mask, extra_features = (
        torch.randn(5, 7, 6),
        torch.ones(5, 7, dtype=torch.bool),
        torch.randn(5, 3),
    )
    with torch.no_grad():
        fused, alone = model(chunks, mask, extra_features), aggregator(chunks, mask)
        added = extra_features @ model.extra_features[1].weight.T
    torch.testing.assert_close(fused.logits, alone.logits + added.squeeze(-1))
    torch.testing.assert_close(fused.attention, alone.attention)
