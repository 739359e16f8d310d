import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as loss

from wholescript.errors import ParameterError
from wholescript.models.aggregators import GatedAttention, QueryDecoder
from wholescript.models.chunked_classifier import ChunkedClassifier
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.training.batches import TokenBatch
from wholescript.training.memory_strategies import (
    MEMORY_STRATEGIES,
    backward_fn,
    full_backprop,
    grad_cache,
)
from wholescript.training.objectives.films import EndToEndObjective

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
@pytest.mark.parametrize("memory_strategy", ["checkpointing", "grad_cache"])
def test_gradients_equal_full_backprop_with_dropout(
    memory_strategy: str, causal: bool, aggregator: type
) -> None:
    model = make_model(aggregator, causal)
    expected = gradients(model, "full_backprop")
    found = gradients(model, memory_strategy)
    assert (found - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("n_cached_groups", [1, 3, 100])
def test_cached_groups_change_no_gradient_and_are_encoded_once(n_cached_groups: int) -> None:
    model = make_model()
    calls: list[int] = []
    model.encoder.register_forward_hook(lambda *_: calls.append(1))
    expected = gradients(model, "full_backprop")
    calls.clear()
    found = gradients(model, "grad_cache", n_cached_groups=n_cached_groups)
    assert (found - expected).norm() <= 1e-5 * expected.norm()
    assert len(calls) == 2 * 4 - min(n_cached_groups, 4)  # 15 chunks are four groups


@pytest.mark.parametrize("memory_strategy", MEMORY_STRATEGIES)
def test_dropout_depends_on_the_seed(memory_strategy: str) -> None:
    model = make_model()
    torch.testing.assert_close(gradients(model, memory_strategy), gradients(model, memory_strategy))
    assert not torch.allclose(
        gradients(model, memory_strategy), gradients(model, memory_strategy, seed=8), rtol=0.01
    )


@pytest.mark.parametrize("memory_strategy", MEMORY_STRATEGIES)
def test_group_size_changes_no_gradient_without_dropout(memory_strategy: str) -> None:
    model = make_model().eval()
    few, many = (
        gradients(model, memory_strategy, chunks_per_group=2),
        gradients(model, memory_strategy, chunks_per_group=100),
    )
    assert (few - many).norm() <= 1e-5 * many.norm()


@pytest.mark.parametrize("memory_strategy", MEMORY_STRATEGIES)
def test_frozen_encoder_gets_no_gradient(memory_strategy: str) -> None:
    model = make_model()
    model.encoder.requires_grad_(False)
    EndToEndObjective(memory_strategy).training_step(model, batch(), loss, seed=0)
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    assert all(parameter.grad is not None for parameter in model.aggregator.parameters())


@pytest.mark.parametrize("memory_strategy", MEMORY_STRATEGIES)
def test_random_state_of_the_caller_is_unchanged(memory_strategy: str) -> None:
    model = make_model()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    EndToEndObjective(memory_strategy).training_step(model, batch(), loss, seed=0)
    torch.testing.assert_close(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory_strategy": "all"}, "memory_strategy='all' is none of full_backprop"),
        ({"chunks_per_group": 0}, "chunks_per_group=0 must be a whole number, at least 1"),
        ({"n_cached_groups": -1}, "n_cached_groups=-1 must be a whole number, at least 0"),
    ],
)
def test_invalid_settings_raise(settings: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        EndToEndObjective(**settings)


@pytest.mark.parametrize("memory_strategy", MEMORY_STRATEGIES)
def test_strategy_works_with_any_encoder_and_loss(memory_strategy: str) -> None:
    weight = torch.tensor([2.0], requires_grad=True)
    groups = [(torch.tensor([[1.0], [2.0]]),), (torch.tensor([[3.0]]),)]
    value = backward_fn(memory_strategy)(lambda x: x * weight, groups, lambda v: v.square().sum())
    assert value.item() == 4 * (1 + 4 + 9) and not value.requires_grad
    assert weight.grad is not None and weight.grad.item() == 2 * 2 * (1 + 4 + 9)


def test_grad_cache_passes_on_the_gradient_of_the_first_pass() -> None:
    weight = torch.tensor([2.0], requires_grad=True)
    groups = [(torch.tensor([[1.0]]),), (torch.tensor([[3.0]]),)]
    with_graph: list[bool] = []

    def encode(x: torch.Tensor) -> torch.Tensor:
        with_graph.append(torch.is_grad_enabled())
        return x * weight

    grad_cache(encode, groups, lambda v: v.sum(), n_cached_groups=1)
    assert with_graph == [False, True, True]  # group 0 without a graph, group 1, group 0 again
    with_graph.clear()
    full_backprop(encode, groups, lambda v: v.sum())
    assert with_graph == [True, True]
