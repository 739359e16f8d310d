import pytest

from wholescript.experiments.results import Metric
from wholescript.studies.screenplays.memory_cost import (
    Model,
    footprint,
    frozen_seconds,
    gradient_error,
)
from wholescript.studies.screenplays.memory_tables import (
    footprint_table,
    frozen_metrics,
    measure_ways,
)

SMALL = Model(vocabulary=50, d_model=16, heads=2, d_feedforward=16, layers=1, chunk_length=64)


@pytest.mark.parametrize("way", ["recomputed", "cached"])
def test_gradients_agree_to_rounding(way):
    assert gradient_error(way, 5, SMALL, group=2) <= 1e-5


def test_another_network_would_be_noticed(monkeypatch):
    from wholescript.training import objectives as ways

    encode = ways.OnTokens._encode

    def forgetful(self, model, ids, mask, seeds):
        seeds = [*seeds, 1] if self.way == "cached" else seeds
        return encode(self, model, ids, mask, seeds)

    monkeypatch.setattr(ways.OnTokens, "_encode", forgetful)
    assert gradient_error("cached", 5, SMALL, group=2) > 1e-3


def test_everything_at_once_holds_what_the_others_drop():
    large = Model(vocabulary=50, layers=2)
    whole, cached = (footprint(way, 96, large, group=4, steps=1) for way in ("whole", "cached"))
    assert whole.tokens == 96 * 254
    assert whole.activations > 4 * cached.activations
    assert whole.peak > whole.activations > 0 and cached.seconds > 0


def test_stored_vectors_cost_less_than_encoding():
    seconds = frozen_seconds(40, SMALL)
    assert 0 < seconds["step"] < seconds["embed"] * 10


def test_the_table_keeps_a_row_a_way_and_length(monkeypatch):
    from wholescript.studies.screenplays import memory_tables as footprints
    from wholescript.studies.screenplays.memory_cost import Footprint

    def ran_out(way, chunks, *, group, kept):
        if way == "whole" and chunks == 4:
            return Footprint(way, chunks, chunks * 254, None, None, None)
        return Footprint(way, chunks, chunks * 254, 1.0, 10**9 * chunks, 10**8 * chunks)

    monkeypatch.setattr(footprints, "footprint", ran_out)
    monkeypatch.setattr(footprints, "frozen_seconds", lambda *_, **__: {"embed": 4, "step": 0.01})
    settings = {"group": 1, "kept": 0, "lengths": [1, 2, 4]}
    metrics = measure_ways(settings)
    table = footprint_table(metrics)
    assert list(table["chunks"]) == [1, 1, 1, 2, 2, 2, 4, 4, 4]
    assert table["gigabytes"].isna().sum() == 1
    assert metrics["cached:2:gigabytes"] == Metric(0.2, tolerance=0.1)
    found = frozen_metrics({**settings, "lengths": [1, 2]}, table[table["chunks"] < 4])
    assert found["time_of_A_over_C"].value == 1
    assert found["epochs_until_B_pays"].value == pytest.approx(4 / 0.99)


def test_what_the_parent_held_does_not_count():
    ballast = bytearray(10**9)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert footprint("cached", 2, SMALL, group=1, steps=1).peak < 10**9
