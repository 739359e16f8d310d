"""Stored runs of the analyses of a trained headline model, which a notebook shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.data.headlines import Headlines
from wholescript.errors import DataError, RunError
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import Workspace
from wholescript.studies.headlines.analysis import (
    generate_headlines,
    loss_by_frequency,
    loss_by_position,
    top_next_tokens,
)
from wholescript.studies.headlines.experiment import headlines_identity, weights_key
from wholescript.studies.headlines.losses import HeadlineLosses
from wholescript.studies.headlines.train import FittedHeadlineModel, load_headline_model
from wholescript.studies.headlines.train_config import HeadlineTrainConfig

Measurement = Literal[
    "next-tokens", "loss-by-position", "loss-by-frequency", "batch-sizes", "samples"
]
PROMPTS = ("", "Show HN:", "Ask HN: How do", "Why I")
BATCH_SIZES = (16, 64, 256, 512)
N_SAMPLES = 12
TEMPERATURE = 0.8
MAX_TOKENS = 40


@dataclass(frozen=True)
class TrainedHeadlineModel:
    """A trained model, found by its run, and its headlines; `folder` has its weights."""

    run: Run
    headlines: Headlines
    folder: Path

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.run.name

    @cached_property
    def fitted(self) -> FittedHeadlineModel:
        """The model.

        Raises:
            RunError: the weights are missing.
        """
        if not self.folder.is_dir():
            raise RunError(f"the weights of {self.name} are not in {self.folder}: train it again")
        return load_headline_model(stored_train_config(self.run), self.folder)

    @cached_property
    def token_nll(self) -> list[NDArray[np.float32]]:
        """The loss of each token of the validation headlines, in nats."""
        return self.fitted.token_nll(self.headlines.validation, self.run.settings["eval_context"])


def trained_model(
    stored_run: Run, headlines: Headlines, workspace: Workspace
) -> TrainedHeadlineModel:
    """Return the model of a run, to analyse.

    Raises:
        RunError: the model was trained on other headlines.
    """
    if stored_run.data != headlines_identity(headlines):
        raise RunError(
            f"{stored_run.name} was trained on other headlines: give the same file and "
            f"--n-headlines {sum(stored_run.data['headlines'].values())}"
        )
    folder = workspace.checkpoints(weights_key(stored_run.config))
    return TrainedHeadlineModel(stored_run, headlines, folder)


@dataclass(frozen=True)
class HeadlineAnalysis(Experiment[TrainedHeadlineModel]):
    """One table about a trained model, stored as the run `<run>-<measurement>`.

    - `next-tokens`: the most probable tokens after each of `PROMPTS`
    - `loss-by-position`: the loss by token position in the headline
    - `loss-by-frequency`: the loss by the count of the token in training
    - `batch-sizes`: the task's metric and bits per byte by evaluation batch size
    - `samples`: sampled headlines
    """

    kind: ClassVar[str] = "headline_analysis"
    replaces: ClassVar[bool] = True

    measurement: Measurement
    seed: int = 0

    def run_name(self, data: TrainedHeadlineModel) -> str:
        """Return `<run>-<measurement>`."""
        return f"{data.name}-{self.measurement}"

    def settings_for(self, data: TrainedHeadlineModel) -> dict[str, Any]:
        """Return the measurement and the seed of sampling."""
        return {"measurement": self.measurement, "seed": self.seed}

    def data_identity(self, data: TrainedHeadlineModel) -> dict[str, Any]:
        """Return the key of the analysed run."""
        return {"run": data.run.key}

    def execute(self, data: TrainedHeadlineModel, context: Context) -> Outcome:
        """Compute the table; for `batch-sizes` also the relative range of both metrics.

        Raises:
            RunError: the weights are missing.
        """
        table = self._table(data)
        metrics = {"n_rows": Metric(len(table))}
        if self.measurement == "batch-sizes" and len(table):
            for name, tolerance in (("nats_per_character", 0.02), ("bits_per_byte", 1e-4)):
                low, high = table[name].min(), table[name].max()
                relative_range = float((high - low) / high)
                metrics[f"{name}_relative_range"] = Metric(relative_range, tolerance=tolerance)
        return Outcome(metrics, history=table, metadata={"scale": data.run.config["scale"]})

    def _table(self, data: TrainedHeadlineModel) -> pd.DataFrame:
        fitted, validation = data.fitted, data.headlines.validation
        match self.measurement:
            case "next-tokens":
                return next_tokens_by_prompt(fitted)
            case "loss-by-position":
                return loss_by_position(data.token_nll)
            case "loss-by-frequency":
                train_stream = fitted.tokenizer.stream(data.headlines.train)
                return loss_by_frequency(data.token_nll, fitted.tokenizer, validation, train_stream)
            case "batch-sizes":
                return metric_by_batch_size(fitted, validation)
            case "samples":
                return sample_table(fitted, self.seed)


def next_tokens_by_prompt(fitted: FittedHeadlineModel) -> pd.DataFrame:
    """Return `token`, `probability` and `prompt` of the top tokens after each of `PROMPTS`."""
    tables = [
        top_next_tokens(fitted.model, fitted.tokenizer, prompt).assign(prompt=prompt)
        for prompt in PROMPTS
    ]
    return pd.concat(tables, ignore_index=True)


def sample_table(fitted: FittedHeadlineModel, seed: int) -> pd.DataFrame:
    """Return a column `headline` of sampled headlines."""
    max_tokens = min(MAX_TOKENS, fitted.model.config.block_size - 1)
    samples = generate_headlines(
        fitted.model,
        fitted.tokenizer,
        N_SAMPLES,
        temperature=TEMPERATURE,
        max_tokens=max_tokens,
        seed=seed,
    )
    return pd.DataFrame({"headline": samples})


def metric_by_batch_size(fitted: FittedHeadlineModel, headlines: Sequence[str]) -> pd.DataFrame:
    """Return both metrics of one model for each of `BATCH_SIZES`.

    Columns: `batch_size`, `nats_per_character`, `scored_token_share`, `bits_per_byte`. Batch sizes
    that the headlines do not fill are left out.
    """
    rows = []
    for batch_size in BATCH_SIZES:
        try:
            original = fitted.original_metric(headlines, batch_size)
        except DataError:
            continue
        nll = fitted.token_nll(headlines, batch_size=batch_size)
        rows.append(
            {
                "batch_size": batch_size,
                "nats_per_character": original.nats_per_character,
                "scored_token_share": original.scored_token_share,
                "bits_per_byte": HeadlineLosses.from_token_nll(headlines, nll).bits_per_byte,
            }
        )
    columns = ["batch_size", "nats_per_character", "scored_token_share", "bits_per_byte"]
    return pd.DataFrame(rows, columns=columns)


def stored_train_config(run: Run) -> HeadlineTrainConfig:
    """Return the training configuration of a stored run."""
    return HeadlineTrainConfig.from_settings(run.settings["train_config"])
