import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.training.planted_documents import planted
from wholescript.errors import ParameterError
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.training import hardware as module
from wholescript.training.batches import DocumentBatchLoader, prefetch
from wholescript.training.hardware import (
    DEVICE_VARIABLE,
    HardwareProfile,
    Machine,
    choose_profile,
    default_bfloat16,
    hardware,
    this_machine,
    use_hardware,
)

OLD_CPU = Machine(cpu_cores=4)
NEW_CPU = Machine(cpu_cores=4, cpu_bfloat16=True)
MAC = replace(OLD_CPU, mps=True)
H200 = replace(OLD_CPU, cuda="H200", cuda_bfloat16=True, cuda_memory_gb=140.0)
V100 = replace(NEW_CPU, cuda="V100", cuda_bfloat16=False, cuda_memory_gb=16.0)


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.delenv(DEVICE_VARIABLE, raising=False)
    monkeypatch.setattr(module, "_overrides", {})


@pytest.mark.parametrize(
    ("machine", "device", "expected"),
    [
        (OLD_CPU, "auto", ("cpu", False, None, 0)),
        (NEW_CPU, "auto", ("cpu", True, None, 0)),
        (MAC, "auto", ("mps", False, 8_192, 1)),
        (MAC, "cpu", ("cpu", False, None, 0)),
        (H200, "auto", ("cuda", True, 71_680, 1)),
        (V100, "auto", ("cuda", False, 8_192, 1)),  # whatever the CPU beside it has
        (V100, "cpu", ("cpu", True, None, 0)),
    ],
)
def test_the_profile_follows_from_the_facts(machine, device, expected):
    found = choose_profile(machine, device)
    values = (found.device, found.bfloat16, found.tokens_per_forward, found.loader_workers)
    assert values == expected


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda", "device='cuda': PyTorch finds none on this machine .* use mps or cpu, or auto"),
        ("gpu", "device='gpu' is unknown"),
        ("cpus", "did you mean 'cpu'"),
    ],
)
def test_a_missing_device_is_an_error(device, message):
    with pytest.raises(ParameterError, match=message):
        choose_profile(MAC, device)


def test_the_effective_batch_is_that_of_the_recipe_and_is_said():
    small = HardwareProfile("cuda", "T4", False, 1_024, 1)
    assert small.rows_per_forward(32, 256) == 4
    assert small.rows_per_forward(32, 4_096) == 1 and small.rows_per_forward(2, 16) == 2
    assert small.describe(32, 256, 2, False) == (
        "device cuda (T4), float32, effective batch 64 = 2 x 32 in micro-batches of 4, 1 loader "
        "workers"
    )


def test_a_choice_holds_for_later_trainings_and_their_processes(monkeypatch):
    assert default_bfloat16() == this_machine().cpu_bfloat16 == cpu_has_bfloat16()
    monkeypatch.setattr(module, "this_machine", lambda: V100)
    assert hardware().device == "cuda" and not default_bfloat16()
    found = use_hardware("cpu", tokens_per_forward=64)
    assert (found.device, found.tokens_per_forward) == ("cpu", 64) and default_bfloat16()
    assert hardware() == found and os.environ[DEVICE_VARIABLE] == "cpu"
    with pytest.raises(ParameterError, match="tokens_per_forward=0 must be at least 1"):
        use_hardware(tokens_per_forward=0)
    with pytest.raises(ParameterError, match="device='mps'"):
        use_hardware("mps")
    assert hardware() == found, "a refused choice changes nothing"


def test_micro_batches_have_the_gradient_of_the_whole_batch():
    documents = planted(30)
    estimator = ScratchClassifier(
        size="tiny", vocab_size=300, bfloat16=False, dropout=0.0, class_weight="balanced"
    )
    torch.manual_seed(0)
    network, tokenize, pad = estimator.build_model(documents.texts, 3, None)
    loader = DocumentBatchLoader(tokenize(documents.texts), documents.labels, 30, pad)
    (batch,) = loader.eval_batches()
    loss = estimator._make_loss_fn(documents)

    def gradient(tokens_per_forward):
        network.zero_grad()
        objective = replace(estimator.objective, tokens_per_forward=tokens_per_forward)
        value = objective.training_step(network, batch, loss, seed=0)
        return value, [p.grad.clone() for p in network.parameters()]

    whole, parts = gradient(None), gradient(40)
    assert len(list(batch.split(40))) > 3
    torch.testing.assert_close(parts[0], whole[0])
    torch.testing.assert_close(parts[1], whole[1], rtol=1e-4, atol=1e-6)


def test_balanced_class_weights_are_those_of_scikit_learn():
    documents = planted(30)
    labels = np.array([0] * 20 + [1] * 8 + [2] * 2)
    estimator = ScratchClassifier(class_weight="balanced", label_smoothing=0.0)
    loss = estimator._make_loss_fn(replace(documents, labels=labels))
    logits = torch.randn(30, 3)
    targets = torch.from_numpy(labels)
    weights = torch.tensor([30 / (3 * count) for count in (20, 8, 2)])
    expected = (weights[targets] * cross_entropy(logits, targets, reduction="none")).mean()
    torch.testing.assert_close(loss(logits, targets), expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_come_in_order_and_errors_reach_the_loop(workers):
    assert list(prefetch(iter(range(1, 6)), workers)) == [1, 2, 3, 4, 5]

    def broken():
        yield 1
        raise ValueError("no batch")

    found = prefetch(broken(), workers)
    with pytest.raises(ValueError, match="no batch"):
        list(found)
