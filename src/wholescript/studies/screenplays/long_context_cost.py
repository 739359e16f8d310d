"""Time and peak memory of a training step of Longformer and Mamba-2, against length.

The script is one sequence of random tokens; each step is measured as in `memory_cost`, with the
width, layers and aggregator of the model there. `settings` has the key `n_chunks`: lengths in
chunks of 254 tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from wholescript.experiments.results import Metric
from wholescript.models.aggregators import QueryAggregator
from wholescript.models.chunked_classifier import ChunkedClassifier
from wholescript.models.long_context import LongContextEncoder, longformer, mamba2
from wholescript.studies.screenplays.memory_cost import (
    TIME_TOLERANCE,
    BenchmarkModel,
    measure_lengths,
    with_tolerance,
)
from wholescript.training.batches import TokenBatch
from wholescript.training.objectives.films import EndToEndObjective

LONG_CONTEXT_COST_MODULES = ("wholescript.studies.screenplays.long_context_cost",)
ENCODERS: tuple[Literal["longformer", "mamba2"], ...] = ("longformer", "mamba2")


@dataclass(frozen=True)
class LongContextBenchmark(BenchmarkModel):
    """Configuration of a measured model: its `encoder` maps a whole script to one vector."""

    encoder: Literal["longformer", "mamba2"] = "longformer"
    attention_window: int = 256
    d_state: int = 64
    chunk_size: int = 64
    max_tokens: int = 107_000

    def build(self) -> ChunkedClassifier:
        """Return the model with random weights."""
        common: dict[str, Any] = {
            "d_model": self.d_model,
            "n_head": self.n_head,
            "n_layer": self.n_layer,
        }
        if self.encoder == "longformer":
            encoder = LongContextEncoder(
                longformer(
                    self.vocab_size,
                    d_feedforward=self.d_feedforward,
                    attention_window=self.attention_window,
                    max_tokens=self.max_tokens,
                    **common,
                )
            )
        else:
            encoder = LongContextEncoder(
                mamba2(self.vocab_size, d_state=self.d_state, chunk_size=self.chunk_size, **common)
            )
        return ChunkedClassifier(encoder, QueryAggregator(self.d_model, self.d_aggregator))

    def dummy_film(self, n_chunks: int) -> TokenBatch:
        """Return a batch of one positive film: a sequence as long as `n_chunks` chunks."""
        film = super().dummy_film(n_chunks)
        # Token 0 is padding.
        ids = film.input_ids.clamp(min=1).reshape(1, -1)
        mask = film.attention_mask.reshape(1, -1)
        return replace(film, input_ids=ids, attention_mask=mask, n_chunks=film.n_chunks.new_ones(1))


def long_context_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return memory and time of a training step for each model and length: `measure_lengths`.

    There is one round of two steps: a step on the longest script takes a minute on one core.
    """
    objective = EndToEndObjective("full_backprop", chunks_per_group=1)
    measured: dict[str, tuple[EndToEndObjective, BenchmarkModel]] = {
        name: (objective, LongContextBenchmark(encoder=name)) for name in ENCODERS
    }
    return measure_lengths(measured, settings["n_chunks"], n_rounds=1, n_steps=2)


def comparison_metrics(table: pd.DataFrame) -> dict[str, Metric]:
    """Return what each model needs on the longest film, over gradient caching.

    `table` is that of `footprint_table`, with the rows of both models and of `grad_cache`. A model
    that ran out of memory has none.
    """
    longest = table[table["n_chunks"] == table["n_chunks"].max()].set_index("memory_strategy")
    cached = longest.loc["grad_cache"]
    found = {}
    for name in ENCODERS:
        for column, label in (("activation_gb", "memory"), ("step_seconds", "time")):
            ratio = float(longest.loc[name, column] / cached[column])
            if ratio == ratio:
                found[f"{name}_{label}_over_grad_cache"] = with_tolerance(ratio, TIME_TOLERANCE)
    return found | {"n_tokens": Metric(float(cached["n_tokens"]))}
