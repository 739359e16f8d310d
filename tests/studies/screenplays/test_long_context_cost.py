import pandas as pd
import pytest
import torch

from wholescript.studies.screenplays import memory_cost
from wholescript.studies.screenplays.long_context_cost import (
    ENCODERS,
    LongContextBenchmark,
    comparison_metrics,
    long_context_metrics,
)
from wholescript.studies.screenplays.memory_cost import (
    Footprint,
    footprint_table,
    measure_footprint,
)
from wholescript.training.objectives.films import EndToEndObjective

SMALL = {
    "vocab_size": 50,
    "d_model": 16,
    "n_head": 2,
    "d_feedforward": 16,
    "chunk_length": 16,
    "attention_window": 8,
    "d_state": 4,
    "chunk_size": 8,
    "max_tokens": 200,
}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_film_is_one_sequence(encoder):
    model = LongContextBenchmark(encoder=encoder, **SMALL)
    film = model.dummy_film(3)
    assert film.input_ids.shape == (1, 48) and film.n_chunks.tolist() == [1]
    assert (film.input_ids > 0).all()
    torch.manual_seed(0)
    output = model.build()(film.input_ids, film.attention_mask, film.n_chunks)
    assert output.logits.shape == (1,) and output.logits.isfinite().all()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_step_is_measured_in_a_process_of_its_own(encoder):
    model = LongContextBenchmark(encoder=encoder, **SMALL)
    objective = EndToEndObjective("full_backprop", 1)
    footprint = measure_footprint(objective, 2, model, n_steps=1)
    assert footprint is not None and footprint.seconds > 0
    assert footprint.peak_bytes > footprint.activation_bytes


def test_comparison_is_about_the_longest_film(monkeypatch):
    def measured(objective, n_chunks, model, n_steps):
        if model.encoder == "longformer" and n_chunks == 4:
            return None
        return Footprint(3.0 * n_chunks, 10**9 * n_chunks, 6 * 10**8 * n_chunks)

    monkeypatch.setattr(memory_cost, "measure_footprint", measured)
    table = footprint_table(long_context_metrics({"n_chunks": [2, 4]}))
    assert table["activation_gb"].isna().sum() == 1
    cached = pd.DataFrame(
        {
            "memory_strategy": ["grad_cache"] * 2,
            "n_chunks": [2, 4],
            "n_tokens": [508, 1016],
            "activation_gb": [0.6, 0.6],
            "step_seconds": [5.0, 6.0],
        }
    )
    found = comparison_metrics(pd.concat([cached, table]))
    assert found["mamba2_memory_over_grad_cache"].value == pytest.approx(4)
    assert found["mamba2_time_over_grad_cache"].value == pytest.approx(2)
    assert "longformer_time_over_grad_cache" not in found
    assert found["n_tokens"].value == 1016
