from itertools import count

import pytest

from wholescript.experiments.results import Metric
from wholescript.studies.screenplays import memory_cost
from wholescript.studies.screenplays.memory_cost import (
    BenchmarkModel,
    Footprint,
    footprint_metrics,
    footprint_table,
    frozen_encoder_metrics,
    gradient_error,
    measure_footprint,
    time_frozen_encoder,
)
from wholescript.training.objectives.films import EndToEndObjective

SMALL = BenchmarkModel(
    vocab_size=50, d_model=16, n_head=2, d_feedforward=16, n_layer=1, chunk_length=64
)


@pytest.mark.parametrize("memory_strategy", ["checkpointing", "grad_cache"])
def test_gradients_equal_those_of_full_backprop(memory_strategy):
    assert gradient_error(EndToEndObjective(memory_strategy, 2), 5, SMALL) <= 1e-5


def test_gradient_error_detects_other_dropout(monkeypatch):
    encode = EndToEndObjective._encode

    def with_other_seed(self, model, ids, mask, seed):
        return encode(self, model, ids, mask, seed + (self.memory_strategy == "grad_cache"))

    monkeypatch.setattr(EndToEndObjective, "_encode", with_other_seed)
    assert gradient_error(EndToEndObjective("grad_cache", 2), 5, SMALL) > 1e-3


def test_grad_cache_needs_less_memory_than_full_backprop():
    large = BenchmarkModel(vocab_size=50, n_layer=2)
    full, cached = (
        measure_footprint(EndToEndObjective(memory_strategy, 4), 48, large, n_steps=1)
        for memory_strategy in ("full_backprop", "grad_cache")
    )
    assert full.activation_bytes > 4 * cached.activation_bytes
    assert full.peak_bytes > full.activation_bytes > 0 and cached.seconds > 0


def test_step_on_stored_vectors_and_encoding_are_timed(monkeypatch):
    # The n-th look at the clock is at n^2 seconds: 1 - 0 to encode, then steps of 5, 9, 13...
    looks = (n**2 for n in count())
    monkeypatch.setattr(memory_cost, "perf_counter", lambda: next(looks))
    found = time_frozen_encoder(40, SMALL, chunks_per_group=8)
    assert found == {"embed": 1, "step": 5}


def test_footprint_table_has_a_row_for_each_strategy_and_length(monkeypatch):
    def out_of_memory(objective, n_chunks, model, n_steps):
        if objective.memory_strategy == "full_backprop" and n_chunks == 4:
            return None
        return Footprint(1.0, 10**9 * n_chunks, 10**8 * n_chunks)

    monkeypatch.setattr(memory_cost, "measure_footprint", out_of_memory)
    seconds = {"embed": 4, "step": 0.01}
    monkeypatch.setattr(memory_cost, "time_frozen_encoder", lambda *_, **__: seconds)
    settings = {"chunks_per_group": 1, "n_cached_groups": 0, "n_chunks": [1, 2, 4]}
    metrics = footprint_metrics(settings)
    table = footprint_table(metrics)
    assert list(table["n_chunks"]) == [1, 1, 1, 2, 2, 2, 4, 4, 4]
    assert table["activation_gb"].isna().sum() == 1
    assert metrics["full_backprop:4:n_tokens"].value == 4 * 254
    assert metrics["grad_cache:2:activation_gb"] == Metric(0.2, tolerance=0.1)
    found = frozen_encoder_metrics({**settings, "n_chunks": [1, 2]}, table[table["n_chunks"] < 4])
    assert found["grad_cache_time_over_full_backprop"].value == 1
    assert found["frozen_encoder_break_even_epochs"].value == pytest.approx(4 / 0.99)


def test_memory_of_the_parent_process_does_not_count():
    n_bytes = 2 * 10**9  # more than PyTorch itself, which needs a gigabyte if built for CUDA
    ballast = bytearray(n_bytes)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert (
        measure_footprint(EndToEndObjective("grad_cache", 1), 2, SMALL, n_steps=1).peak_bytes
        < n_bytes
    )
