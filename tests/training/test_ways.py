import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as loss

from wholescript.errors import ParameterError
from wholescript.models.aggregators import GatedAttention, QueryDecoder
from wholescript.models.chunked import ChunkedClassifier, ScratchEncoder
from wholescript.training.batches import TokenBatch
from wholescript.training.objectives import MEMORY_STRATEGIES, EndToEndObjective

COUNTS = torch.tensor([5, 1, 9])
LABELS = torch.tensor([1.0, 0.0, 1.0])


def make_model(aggregator: type = QueryDecoder, causal: bool = False) -> ChunkedClassifier:
    torch.manual_seed(0)
    encoder = ScratchEncoder(40, 16, 2, 32, causal=causal, dropout=0.3)
    return ChunkedClassifier(encoder, aggregator(16, 8))


def batch() -> TokenBatch:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 21, (15, 1), generator=generator)
    ids = torch.randint(40, (15, 20), generator=generator)
    return TokenBatch(np.arange(3), ids, torch.arange(20) < lengths, COUNTS, LABELS)


def gradients(
    model: ChunkedClassifier,
    memory_strategy: str,
    chunks_per_group: int = 4,
    seed: int = 7,
    n_cached_groups: int = 0,
) -> torch.Tensor:
    model.zero_grad()
    EndToEndObjective(
        memory_strategy, chunks_per_group, n_cached_groups=n_cached_groups
    ).training_step(model, batch(), loss, seed=seed)
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("aggregator", [GatedAttention, QueryDecoder])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("way", ["recomputed", "cached"])
def test_gradients_are_those_of_the_whole_with_dropout(
    memory_strategy: str, causal: bool, aggregator: type
) -> None:
    model = make_model(aggregator, causal)
    whole, other = gradients(model, "whole"), gradients(model, memory_strategy)
    assert (other - whole).norm() <= 1e-5 * whole.norm()


@pytest.mark.parametrize("kept", [1, 3, 100])
def test_kept_groups_change_no_gradient_and_are_encoded_once(n_cached_groups: int) -> None:
    model = make_model()
    read: list[int] = []
    model.encoder.register_forward_hook(lambda *_: read.append(1))
    whole = gradients(model, "whole")
    read.clear()
    other = gradients(model, "cached", n_cached_groups=n_cached_groups)
    assert (other - whole).norm() <= 1e-5 * whole.norm()
    assert len(read) == 2 * 4 - min(n_cached_groups, 4)  # 15 chunks are four groups


@pytest.mark.parametrize("way", MEMORY_STRATEGIES)
def test_dropout_is_that_of_the_seed(memory_strategy: str) -> None:
    model = make_model()
    torch.testing.assert_close(gradients(model, memory_strategy), gradients(model, memory_strategy))
    assert not torch.allclose(
        gradients(model, memory_strategy), gradients(model, memory_strategy, seed=8), rtol=0.01
    )


@pytest.mark.parametrize("way", MEMORY_STRATEGIES)
def test_the_group_is_of_no_consequence_without_dropout(memory_strategy: str) -> None:
    model = make_model().eval()
    few, many = (
        gradients(model, memory_strategy, chunks_per_group=2),
        gradients(model, memory_strategy, chunks_per_group=100),
    )
    assert (few - many).norm() <= 1e-5 * many.norm()


@pytest.mark.parametrize("way", MEMORY_STRATEGIES)
def test_a_frozen_encoder_gets_no_gradient(memory_strategy: str) -> None:
    model = make_model()
    model.encoder.requires_grad_(False)
    EndToEndObjective(memory_strategy).training_step(model, batch(), loss, seed=0)
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    assert all(parameter.grad is not None for parameter in model.aggregator.parameters())


@pytest.mark.parametrize("way", MEMORY_STRATEGIES)
def test_the_caller_draws_the_same_numbers_afterwards(memory_strategy: str) -> None:
    model = make_model()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    EndToEndObjective(memory_strategy).training_step(model, batch(), loss, seed=0)
    torch.testing.assert_close(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"way": "all"}, "memory_strategy='all' is none of whole"),
        ({"group": 0}, "chunks_per_group=0 chunks"),
        ({"kept": -1}, "kept=-1 groups"),
    ],
)
def test_mistakes_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        EndToEndObjective(**settings)
