"""Models of titles trained and judged as stored runs, one a step and seed, found by content."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from wholescript.data.headlines import Headlines
from wholescript.errors import DataError
from wholescript.evaluation.title_losses import TitleLosses, bits
from wholescript.evaluation.titles import Reading, published_loss, token_nats
from wholescript.features.encoders import cpu_has_bfloat16
from wholescript.report.context import device_name
from wholescript.report.live_runs import held, scale_here, training_folder
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import code_fingerprint, hash_json
from wholescript.report.replacing import refuse_to_replace
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.training import title_recipe
from wholescript.training.loop import Row
from wholescript.training.title_recipe import (
    WEIGHTS,
    FittedTitles,
    Recipe,
    fit_titles,
    load_titles,
    save_titles,
)

GROUP = "headlines"
JUDGED_BY = ("wholescript.evaluation.titles", "wholescript.evaluation.title_losses")
PUBLISHED_BATCH = 64  # of the published loss, whatever a model was trained with


def train_title_run(
    store: RunStore,
    headlines: Headlines,
    name: str,
    recipe: Recipe,
    reading: Reading,
    *,
    seed: int,
    project: Project | None = None,
    facts: Mapping[str, Any] | None = None,
    progress: bool = False,
    on_epoch: Callable[[Row], None] | None = None,
) -> Run:
    """Return the finished run `headlines/<name>-s<seed>` of these inputs, or train and store it.

    It stores the loss as published, the share of tokens that it is of, and bits a byte of every
    title, read as `reading` says. `facts` are told in its configuration and no part of its key. A
    killed call goes on; weights stay under `_build/training`, and another reading takes them from
    there.

    Raises:
        DataError: the titles do not fill a batch.
        ParameterError: a run of this name was trained by another recipe, or on other titles.
    """
    project = project or Project()
    config = {
        "recipe": recipe.config,
        "reading": reading,
        "data": headlines.fingerprint,
        "titles": headlines.counts,
        "seed": seed,
        "bfloat16": cpu_has_bfloat16(),
        "code": code_fingerprint([title_recipe.__name__, *JUDGED_BY], project.source),
    }
    key = hash_json(config)
    full = f"{GROUP}/{name}-s{seed}"
    if run := store.find(full, key):
        return run
    refuse_to_replace(store, full, config, ("recipe", "titles"))
    folder = weights_folder(project, config)
    with held(folder, full):
        if (folder / WEIGHTS).exists():
            fitted = load_titles(recipe, folder)
        else:
            fitted = fit_titles(
                recipe, headlines.train, headlines.validation, seed=seed,
                bfloat16=cpu_has_bfloat16(), folder=folder, progress=progress, on_epoch=on_epoch,
            )  # fmt: skip
            save_titles(fitted, folder)
        metrics, losses = judge_titles(fitted, headlines, recipe, reading)
        seconds = sum(float(row["seconds"]) for row in fitted.history)
        read = len(fitted.tokens.stream(headlines.train)) * recipe.epochs
        held_out = fitted.tokens.stream(headlines.validation)
        costs = {
            "train_seconds": seconds,
            "tokens_per_second": read / seconds,
            "parameters": fitted.parameters,
            "vocabulary": fitted.tokens.vocabulary,
            "tokens_per_epoch": read / recipe.epochs,
            "shared_titles": headlines.shared,
            "bytes_per_token": losses.bytes.sum() / (len(held_out) - 1),
        }
        made = {
            "key": key,
            "source": headlines.source,
            "scale": scale_here(),
            "device": device_name(),
            "threads": torch.get_num_threads(),
            **(facts or {}),
        }
        metrics |= {
            name: Metric(float(value), tolerance=abs(value)) for name, value in costs.items()
        }
        history = pd.DataFrame(fitted.history)
        return store.save(full, {**config, **made}, metrics, losses, history)


def weights_folder(project: Project, config: Mapping[str, Any]) -> Path:
    """Return the folder of the weights of a run: they are the same however titles are read."""
    parts = ("recipe", "data", "titles", "seed", "bfloat16", "code")
    return training_folder(project, hash_json({part: config[part] for part in parts}))


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
