"""Models of titles trained and judged as stored runs, one a step and seed, found by content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd
import torch

from wholescript.data.headlines import Headlines
from wholescript.errors import DataError
from wholescript.experiments.environment import profile_here
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import Identity, hash_json
from wholescript.experiments.results import Metric
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.studies.headlines import train as title_recipe
from wholescript.studies.headlines.losses import HeadlineLosses, bits
from wholescript.studies.headlines.metrics import EvalContext, task_metric, token_nll
from wholescript.studies.headlines.train import (
    WEIGHTS_FILE,
    FittedHeadlineModel,
    HeadlineTrainConfig,
    load_headline_model,
    save_headline_model,
    train_headline_model,
)

GROUP = "headlines"
METRIC_MODULES = ("wholescript.studies.headlines.metrics", "wholescript.studies.headlines.losses")
TASK_BATCH_SIZE = 64  # of the published loss, whatever a model was trained with


@dataclass(frozen=True)
class HeadlineExperiment(Experiment[Headlines]):
    """A language model of headlines, trained by `train_config` and scored as `reading` says.

    The run `headlines/<name>-s<seed>` stores the loss as published, the share of tokens that it is
    of, and bits per byte of every headline. `facts` are stored with it. Weights stay under
    `_build/training`, and another way of scoring takes them from there.
    """

    kind: ClassVar[str] = "headlines"

    name: str
    train_config: HeadlineTrainConfig
    reading: EvalContext
    seed: int = 1337
    facts: Mapping[str, Any] = field(default_factory=dict)

    def name_on(self, data: Headlines) -> str:
        """Return `headlines/<name>-s<seed>`."""
        return f"{GROUP}/{self.name}-s{self.seed}"

    def settings_on(self, data: Headlines) -> dict[str, Any]:
        """Return the recipe, how headlines are scored, the seed and the precision."""
        return {
            "recipe": self.train_config.config,
            "reading": self.reading,
            "seed": self.seed,
            "bfloat16": cpu_has_bfloat16(),
        }

    def data_identity(self, data: Headlines) -> dict[str, Any]:
        """Return the fingerprint of the headlines, and how many are in each split."""
        return {"fingerprint": data.fingerprint, "titles": data.counts}

    def modules(self) -> tuple[str, ...]:
        """Return the modules that train and score."""
        return (title_recipe.__name__, *METRIC_MODULES)

    def checkpoint_key(self, identity: Identity) -> str:
        """Return the key of the weights: they are the same however headlines are scored."""
        return weights_key(identity.as_dict())

    def execute(self, data: Headlines, block_size: Context) -> Outcome:
        """Train, or load the weights that are there, and score the validation headlines.

        Raises:
            DataError: the headlines do not fill a batch.
        """
        folder = block_size.folder
        if (folder / WEIGHTS_FILE).exists():
            fitted = load_headline_model(self.train_config, folder)
        else:
            fitted = train_headline_model(
                self.train_config, data.train, data.validation, seed=self.seed,
                bfloat16=cpu_has_bfloat16(), folder=folder, progress=block_size.progress,
                on_epoch_end=block_size.on_epoch_end,
            )  # fmt: skip
            save_headline_model(fitted, folder)
        metrics, losses = evaluate_headlines(fitted, data, self.train_config, self.reading)
        seconds = sum(float(row["seconds"]) for row in fitted.history)
        read = len(fitted.tokens.stream(data.train)) * self.train_config.epochs
        held_out = fitted.tokens.stream(data.validation)
        costs = {
            "train_seconds": seconds,
            "tokens_per_second": read / seconds,
            "parameters": fitted.parameters,
            "vocabulary": fitted.tokens.vocab_size,
            "tokens_per_epoch": read / self.train_config.epochs,
            "shared_titles": data.shared,
            "bytes_per_token": losses.bytes.sum() / (len(held_out) - 1),
        }
        metrics |= {
            name: Metric(float(value), tolerance=abs(value)) for name, value in costs.items()
        }
        return Outcome(
            metrics,
            losses,
            history=pd.DataFrame(fitted.history),
            facts={
                "source": data.source,
                "scale": profile_here(),
                "threads": torch.get_num_threads(),
                **self.facts,
            },
        )


def weights_key(config: Mapping[str, Any]) -> str:
    """Return the key of the weights of a run with that config: all but how headlines are scored."""
    settings = {k: v for k, v in config["settings"].items() if k != "reading"}
    return hash_json([config["version"], settings, config["data"]])


def evaluate_headlines(
    fitted: FittedHeadlineModel,
    headlines: Headlines,
    train_config: HeadlineTrainConfig,
    reading: EvalContext,
) -> tuple[dict[str, Metric], HeadlineLosses]:
    """Return the losses of the validation titles, as published and so that models can be compared.

    The published loss is missing where the titles do not fill one of its batches.
    """
    asked = (fitted.model, fitted.tokens, headlines.validation)
    options: dict[str, Any] = {
        "block": train_config.model.block_size,
        "bfloat16": cpu_has_bfloat16(),
    }
    nats = token_nll(*asked, reading=reading, **options)
    losses = HeadlineLosses.of(headlines.validation, nats)
    value, low, high = bits([losses])
    found = {"bits_per_byte": Metric(value, low, high, (high - low) / 4)}
    try:
        published = task_metric(*asked, batch_size=TASK_BATCH_SIZE, **options)
    except DataError:
        return found, losses
    told = {
        "published": published.value,
        "scored_share": published.scored,
        "corrected": published.corrected,
    }
    return found | {name: Metric(value, tolerance=0.01) for name, value in told.items()}, losses
