"""What a stored model of titles learned, as measured runs that a notebook can show."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wholescript.data.headlines import Headlines
from wholescript.errors import DataError, RunError
from wholescript.evaluation.title_losses import TitleLosses
from wholescript.evaluation.title_reading import (
    expected_next,
    loss_by_frequency,
    loss_by_position,
    write_titles,
)
from wholescript.evaluation.titles import published_loss, token_nats
from wholescript.features.encoders import cpu_has_bfloat16
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.titles.runs import weights_folder
from wholescript.training.title_recipe import FittedTitles, Recipe, load_titles

BEGUN = ("", "Show HN:", "Ask HN: How do", "Why I")
BATCHES = (16, 64, 256, 512)
SAMPLES = 12


def read_title_run(
    store: RunStore, project: Project, run: Run, headlines: Headlines, *, seed: int = 0
) -> list[Run]:
    """Store what a trained model expects, errs in and writes, each as a run `<run>-expects` or so.

    - `expects`: the likeliest next tokens after some beginnings
    - `places`, `frequencies`: the loss by place in the title, and by how often training has a token
    - `batches`: the published loss and bits a byte by the size of a batch
    - `writes`: titles that it writes

    Raises:
        RunError: its weights are not here, or it was trained on other titles.
    """
    if (run.config["data"], run.config["titles"]) != (headlines.fingerprint, headlines.counts):
        raise RunError(
            f"{run.name} was not trained on these titles: give the same file, and --titles "
            f"{sum(run.config['titles'].values())}"
        )
    recipe = recipe_stored(run)
    folder = weights_folder(project, run.config)
    if not folder.is_dir():
        raise RunError(f"the weights of {run.name} are not here: train it again")
    fitted = load_titles(recipe, folder)
    titles = headlines.validation
    asked = (fitted.model, fitted.tokens, titles)
    options: dict[str, Any] = {"block": recipe.model.context, "bfloat16": cpu_has_bfloat16()}
    losses = token_nats(*asked, **options, reading=run.config["reading"])
    train = fitted.tokens.stream(headlines.train)
    expects = [
        expected_next(fitted.model, fitted.tokens, begun).assign(begun=begun) for begun in BEGUN
    ]
    longest = min(40, recipe.model.context - 1)
    written = write_titles(
        fitted.model, fitted.tokens, SAMPLES, temperature=0.8, longest=longest, seed=seed
    )
    tables = {
        "expects": pd.concat(expects, ignore_index=True),
        "places": loss_by_position(losses),
        "frequencies": loss_by_frequency(losses, fitted.tokens, titles, train),
        "batches": by_batch(fitted, titles, options),
        "writes": pd.DataFrame({"title": written}),
    }
    return [_save(store, run, name, table) for name, table in tables.items()]


def by_batch(
    fitted: FittedTitles, titles: Sequence[str], options: Mapping[str, Any]
) -> pd.DataFrame:
    """Return `batch`, `published`, `scored` and `bits_per_byte` of one checkpoint, a row a batch.

    Both are computed anew with each. Batches that the titles do not fill are left out.
    """
    asked, rows = (fitted.model, fitted.tokens, titles), []
    for size in BATCHES:
        try:
            found = published_loss(*asked, batch_size=size, **options)
        except DataError:
            continue
        nats = token_nats(*asked, batch_size=size, **options)
        rows.append(
            {
                "batch": size,
                "published": found.value,
                "scored": found.scored,
                "bits_per_byte": TitleLosses.of(titles, nats).bits_per_byte,
            }
        )
    return pd.DataFrame(rows, columns=["batch", "published", "scored", "bits_per_byte"])


def recipe_stored(run: Run) -> Recipe:
    """Return the recipe of a stored run."""
    stored = dict(run.config["recipe"])
    model = stored.pop("model")
    return Recipe().changed(**stored, **model)


def _save(store: RunStore, run: Run, name: str, table: pd.DataFrame) -> Run:
    config = {"of": run.key, "what": name, "scale": run.config["scale"]}
    metrics = {"rows": Metric(len(table))}
    if name == "batches" and len(table):
        for loss, tolerance in (("published", 0.02), ("bits_per_byte", 1e-4)):
            least, most = table[loss].min(), table[loss].max()
            metrics[f"{loss}_moves"] = Metric(float((most - least) / most), tolerance=tolerance)
    key = hash_json(config)
    return store.save(f"{run.name}-{name}", {**config, "key": key}, metrics, history=table)
