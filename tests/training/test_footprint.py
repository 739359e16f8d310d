import pytest

from wholescript.experiments.results import Metric
from wholescript.studies.screenplays.memory_cost import (
    BenchmarkModel,
    gradient_error,
    measure_footprint,
    time_frozen_encoder,
)
from wholescript.studies.screenplays.memory_tables import (
    frozen_encoder_metrics,
    measure_strategies,
    memory_table,
)

SMALL = BenchmarkModel(
    vocab_size=50, d_model=16, n_head=2, d_feedforward=16, n_layer=1, chunk_length=64
)


@pytest.mark.parametrize("way", ["recomputed", "cached"])
def test_gradients_agree_to_rounding(memory_strategy):
    assert gradient_error(memory_strategy, 5, SMALL, chunks_per_group=2) <= 1e-5


def test_another_network_would_be_noticed(monkeypatch):
    from wholescript.training import objectives as ways

    encode = ways.EndToEndObjective._encode

    def forgetful(self, model, ids, mask, seeds):
        seeds = [*seeds, 1] if self.memory_strategy == "cached" else seeds
        return encode(self, model, ids, mask, seeds)

    monkeypatch.setattr(ways.EndToEndObjective, "_encode", forgetful)
    assert gradient_error("cached", 5, SMALL, chunks_per_group=2) > 1e-3


def test_everything_at_once_holds_what_the_others_drop():
    large = BenchmarkModel(vocab_size=50, n_layer=2)
    whole, cached = (
        measure_footprint(memory_strategy, 96, large, chunks_per_group=4, steps=1)
        for memory_strategy in ("whole", "cached")
    )
    assert whole.tokens == 96 * 254
    assert whole.activation_bytes > 4 * cached.activation_bytes
    assert whole.peak_bytes > whole.activation_bytes > 0 and cached.seconds > 0


def test_stored_vectors_cost_less_than_encoding():
    seconds = time_frozen_encoder(40, SMALL)
    assert 0 < seconds["step"] < seconds["embed"] * 10


def test_the_table_keeps_a_row_a_way_and_length(monkeypatch):
    from wholescript.studies.screenplays import memory_tables as footprints
    from wholescript.studies.screenplays.memory_cost import Footprint

    def ran_out(memory_strategy, chunks, *, chunks_per_group, n_cached_groups):
        if memory_strategy == "whole" and chunks == 4:
            return Footprint(memory_strategy, chunks, chunks * 254, None, None, None)
        return Footprint(memory_strategy, chunks, chunks * 254, 1.0, 10**9 * chunks, 10**8 * chunks)

    monkeypatch.setattr(footprints, "footprint", ran_out)
    monkeypatch.setattr(footprints, "frozen_seconds", lambda *_, **__: {"embed": 4, "step": 0.01})
    settings = {"group": 1, "kept": 0, "lengths": [1, 2, 4]}
    metrics = measure_strategies(settings)
    table = memory_table(metrics)
    assert list(table["chunks"]) == [1, 1, 1, 2, 2, 2, 4, 4, 4]
    assert table["gigabytes"].isna().sum() == 1
    assert metrics["cached:2:gigabytes"] == Metric(0.2, tolerance=0.1)
    found = frozen_encoder_metrics({**settings, "lengths": [1, 2]}, table[table["chunks"] < 4])
    assert found["time_of_A_over_C"].value == 1
    assert found["epochs_until_B_pays"].value == pytest.approx(4 / 0.99)


def test_what_the_parent_held_does_not_count():
    ballast = bytearray(10**9)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert measure_footprint("cached", 2, SMALL, chunks_per_group=1, steps=1).peak_bytes < 10**9
