"""The experiment: train a headline model, score it on the validation split, and store the run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd
import torch

from wholescript.data.headlines import Headlines
from wholescript.data.labelled.dataset import summarize_lengths
from wholescript.errors import DataError
from wholescript.experiments.environment import run_profile
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import RunIdentity, hash_json
from wholescript.experiments.results import Metric
from wholescript.studies.headlines.losses import HeadlineLosses, mean_bits_per_byte
from wholescript.studies.headlines.scoring import EvalContext
from wholescript.studies.headlines.train import (
    WEIGHTS_FILE,
    FittedHeadlineModel,
    load_headline_model,
    save_headline_model,
    train_headline_model,
)
from wholescript.studies.headlines.train_config import HeadlineTrainConfig
from wholescript.training.hardware import default_bfloat16

GROUP = "headlines"
ORIGINAL_METRIC_BATCH_SIZE = 64  # of the task's metric, whatever the training batch size
ORIGINAL_METRIC_TOLERANCE = 0.01


@dataclass(frozen=True)
class HeadlineExperiment(Experiment[Headlines]):
    """A headline model, trained by `train_config` and scored in `eval_context`.

    The run `headlines/<name>-s<seed>` stores the task's metric, bits per byte, and the loss of
    every validation headline. `metadata` are stored with it. The weights stay in `_build/training`;
    a run that differs only in its `eval_context` loads them from there.
    """

    kind: ClassVar[str] = "headlines"

    name: str
    train_config: HeadlineTrainConfig
    eval_context: EvalContext
    seed: int = 1337
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def run_name(self, data: Headlines) -> str:
        """Return `headlines/<name>-s<seed>`."""
        return f"{GROUP}/{self.name}-s{self.seed}"

    def settings_for(self, data: Headlines) -> dict[str, Any]:
        """Return the training configuration, the evaluation context, the seed and the precision."""
        return {
            "train_config": self.train_config.settings,
            "eval_context": self.eval_context,
            "seed": self.seed,
            "bfloat16": default_bfloat16(),
        }

    def data_identity(self, data: Headlines) -> dict[str, Any]:
        """Return the fingerprint of the headlines and the size of each split."""
        return headlines_identity(data)

    def modules(self) -> tuple[str, ...]:
        """Return the modules that train and score."""
        package = "wholescript.studies.headlines"
        return (f"{package}.train", f"{package}.scoring", f"{package}.losses")

    def checkpoint_key(self, identity: RunIdentity) -> str:
        """Return the key of the weights, which do not depend on the evaluation context."""
        return weights_key(identity.as_dict())

    def execute(self, data: Headlines, context: Context) -> Outcome:
        """Train the model, or load its weights if they exist, and score the validation headlines.

        Raises:
            DataError: the headlines do not fill a batch.
        """
        fitted = self._fitted(data, context)
        metrics, losses = evaluate_headlines(fitted, data, self.eval_context)
        costs = _costs(fitted, data, losses, self.train_config.epochs)
        # Costs depend on the machine: their tolerance is their own value.
        metrics |= {name: Metric(value, tolerance=abs(value)) for name, value in costs.items()}
        metadata = {
            "source": data.source,
            "words": summarize_lengths([len(headline.split()) for headline in data.train]),
            "scale": context.workspace.parameters.get("scale", run_profile()),
            "threads": torch.get_num_threads(),
            **self.metadata,
        }
        return Outcome(metrics, losses, history=pd.DataFrame(fitted.history), metadata=metadata)

    def _fitted(self, data: Headlines, context: Context) -> FittedHeadlineModel:
        if (context.folder / WEIGHTS_FILE).exists():
            return load_headline_model(self.train_config, context.folder)
        fitted = train_headline_model(
            self.train_config,
            data.train,
            data.validation,
            seed=self.seed,
            bfloat16=default_bfloat16(),
            folder=context.folder,
            progress=context.progress,
            on_epoch_end=context.on_epoch_end,
        )
        save_headline_model(fitted, context.folder)
        return fitted


def headlines_identity(headlines: Headlines) -> dict[str, Any]:
    """Return what identifies the headlines of a run: their fingerprint and split sizes."""
    return {"fingerprint": headlines.fingerprint, "headlines": headlines.counts}


def weights_key(config: Mapping[str, Any]) -> str:
    """Return the key of the weights of a run with that config: all but its evaluation context."""
    settings = {k: v for k, v in config["settings"].items() if k != "eval_context"}
    return hash_json([config["version"], settings, config["data"]])


def evaluate_headlines(
    fitted: FittedHeadlineModel,
    headlines: Headlines,
    eval_context: EvalContext,
) -> tuple[dict[str, Metric], HeadlineLosses]:
    """Return bits per byte, the task's metric, and the losses of the validation headlines.

    The task's metric is missing if the headlines do not fill one of its batches.
    """
    nll = fitted.token_nll(headlines.validation, eval_context)
    losses = HeadlineLosses.from_token_nll(headlines.validation, nll)
    value, low, high = mean_bits_per_byte([losses])
    metrics = {"bits_per_byte": Metric(value, low, high, (high - low) / 4)}
    try:
        original = fitted.original_metric(headlines.validation, ORIGINAL_METRIC_BATCH_SIZE)
    except DataError:
        return metrics, losses
    original_values = {
        "nats_per_character": original.nats_per_character,
        "scored_token_share": original.scored_token_share,
        "nats_per_character_corrected": original.corrected_nats_per_character,
    }
    for name, original_value in original_values.items():
        metrics[name] = Metric(original_value, tolerance=ORIGINAL_METRIC_TOLERANCE)
    return metrics, losses


def _costs(
    fitted: FittedHeadlineModel, headlines: Headlines, losses: HeadlineLosses, epochs: int
) -> dict[str, float]:
    """Return time, sizes and throughput of a training."""
    seconds = sum(float(row["seconds"]) for row in fitted.history)
    n_train_tokens = len(fitted.tokenizer.stream(headlines.train))
    n_val_tokens = len(fitted.tokenizer.stream(headlines.validation)) - 1
    return {
        "train_seconds": seconds,
        "tokens_per_second": n_train_tokens * epochs / seconds,
        "parameters": float(fitted.n_parameters),
        "vocab_size": float(fitted.tokenizer.vocab_size),
        "tokens_per_epoch": float(n_train_tokens),
        "val_overlap": headlines.val_overlap,
        "bytes_per_token": float(losses.n_bytes.sum() / n_val_tokens),
    }
