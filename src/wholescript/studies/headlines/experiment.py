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
from wholescript.studies.headlines.losses import TitleLosses, bits
from wholescript.studies.headlines.metrics import Reading, published_loss, token_nats
from wholescript.studies.headlines.train import (
    WEIGHTS,
    FittedTitles,
    Recipe,
    fit_titles,
    load_titles,
    save_titles,
)

GROUP = "headlines"
JUDGED_BY = ("wholescript.studies.headlines.metrics", "wholescript.studies.headlines.losses")
PUBLISHED_BATCH = 64  # of the published loss, whatever a model was trained with


@dataclass(frozen=True)
class HeadlineExperiment(Experiment[Headlines]):
    """A language model of headlines, trained by `recipe` and scored as `reading` says.

    The run `headlines/<name>-s<seed>` stores the loss as published, the share of tokens that it is
    of, and bits per byte of every headline. `facts` are stored with it. Weights stay under
    `_build/training`, and another way of scoring takes them from there.
    """

    kind: ClassVar[str] = "headlines"

    name: str
    recipe: Recipe
    reading: Reading
    seed: int = 1337
    facts: Mapping[str, Any] = field(default_factory=dict)

    def name_on(self, data: Headlines) -> str:
        """Return `headlines/<name>-s<seed>`."""
        return f"{GROUP}/{self.name}-s{self.seed}"

    def settings_on(self, data: Headlines) -> dict[str, Any]:
        """Return the recipe, how headlines are scored, the seed and the precision."""
        return {
            "recipe": self.recipe.config,
            "reading": self.reading,
            "seed": self.seed,
            "bfloat16": cpu_has_bfloat16(),
        }

    def data_identity(self, data: Headlines) -> dict[str, Any]:
        """Return the fingerprint of the headlines, and how many are in each split."""
        return {"fingerprint": data.fingerprint, "titles": data.counts}

    def modules(self) -> tuple[str, ...]:
        """Return the modules that train and score."""
        return (title_recipe.__name__, *JUDGED_BY)

    def checkpoint_key(self, identity: Identity) -> str:
        """Return the key of the weights: they are the same however headlines are scored."""
        return weights_key(identity.as_dict())

    def execute(self, data: Headlines, context: Context) -> Outcome:
        """Train, or load the weights that are there, and score the validation headlines.

        Raises:
            DataError: the headlines do not fill a batch.
        """
        folder = context.folder
        if (folder / WEIGHTS).exists():
            fitted = load_titles(self.recipe, folder)
        else:
            fitted = fit_titles(
                self.recipe, data.train, data.validation, seed=self.seed,
                bfloat16=cpu_has_bfloat16(), folder=folder, progress=context.progress,
                on_epoch=context.on_epoch,
            )  # fmt: skip
            save_titles(fitted, folder)
        metrics, losses = judge_titles(fitted, data, self.recipe, self.reading)
        seconds = sum(float(row["seconds"]) for row in fitted.history)
        read = len(fitted.tokens.stream(data.train)) * self.recipe.epochs
        held_out = fitted.tokens.stream(data.validation)
        costs = {
            "train_seconds": seconds,
            "tokens_per_second": read / seconds,
            "parameters": fitted.parameters,
            "vocabulary": fitted.tokens.vocabulary,
            "tokens_per_epoch": read / self.recipe.epochs,
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


def judge_titles(
    fitted: FittedTitles, headlines: Headlines, recipe: Recipe, reading: Reading
) -> tuple[dict[str, Metric], TitleLosses]:
    """Return the losses of the validation titles, as published and so that models can be compared.

    The published loss is missing where the titles do not fill one of its batches.
    """
    asked = (fitted.model, fitted.tokens, headlines.validation)
    options: dict[str, Any] = {"block": recipe.model.context, "bfloat16": cpu_has_bfloat16()}
    nats = token_nats(*asked, reading=reading, **options)
    losses = TitleLosses.of(headlines.validation, nats)
    value, low, high = bits([losses])
    found = {"bits_per_byte": Metric(value, low, high, (high - low) / 4)}
    try:
        published = published_loss(*asked, batch_size=PUBLISHED_BATCH, **options)
    except DataError:
        return found, losses
    told = {
        "published": published.value,
        "scored_share": published.scored,
        "corrected": published.corrected,
    }
    return found | {name: Metric(value, tolerance=0.01) for name, value in told.items()}, losses
