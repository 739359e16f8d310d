"""What a stored model of titles learned, as measured runs that a notebook can show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from wholescript.data.headlines import Headlines
from wholescript.errors import DataError, RunError
from wholescript.experiments.experiment import Context, Experiment, Outcome, run
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import Workspace
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.studies.headlines.experiment import weights_key
from wholescript.studies.headlines.losses import HeadlineLosses
from wholescript.studies.headlines.metrics import task_metric, token_nll
from wholescript.studies.headlines.probing import (
    generate_headlines,
    loss_by_frequency,
    loss_by_position,
    top_next_tokens,
)
from wholescript.studies.headlines.train import (
    FittedHeadlineModel,
    HeadlineTrainConfig,
    load_headline_model,
)

PROMPTS = ("", "Show HN:", "Ask HN: How do", "Why I")
BATCH_SIZES = (16, 64, 256, 512)
N_SAMPLES = 12


@dataclass(frozen=True)
class Probe(Experiment[Run]):
    """One table of what a trained model learned, stored as the run `<run>-<what>`."""

    kind: ClassVar[str] = "headline_probe"
    replaces: ClassVar[bool] = True

    what: str
    table: Callable[[], pd.DataFrame]
    seed: int = 0

    def name_on(self, data: Run) -> str:
        """Return `<run>-<what>`."""
        return f"{data.name}-{self.what}"

    def settings_on(self, data: Run) -> dict[str, Any]:
        """Return which table it is, and the seed of what is sampled."""
        return {"what": self.what, "seed": self.seed}

    def data_identity(self, data: Run) -> dict[str, Any]:
        """Return the key of the run."""
        return {"of": data.key}

    def execute(self, data: Run, block_size: Context) -> Outcome:
        """Make the table; of the batches, also say how far each loss moves with their size."""
        table = self.table()
        metrics = {"rows": Metric(len(table))}
        if self.what == "batches" and len(table):
            for loss, tolerance in (("published", 0.02), ("bits_per_byte", 1e-4)):
                least, most = table[loss].min(), table[loss].max()
                metrics[f"{loss}_moves"] = Metric(float((most - least) / most), tolerance=tolerance)
        return Outcome(metrics, history=table, facts={"scale": data.config["scale"]})


def analyze_headline_run(
    workspace: Workspace, found: Run, headlines: Headlines, *, seed: int = 0
) -> list[Run]:
    """Store what a trained model expects, errs in and writes, each as a run `<run>-expects` or so.

    - `expects`: the likeliest next tokens after some beginnings
    - `places`, `frequencies`: the loss by place in the title, and by how often training has a token
    - `batches`: the published loss and bits a byte by the size of a batch
    - `writes`: titles that it writes

    Raises:
        RunError: its weights are not here, or it was trained on other titles.
    """
    if found.data != {"fingerprint": headlines.fingerprint, "titles": headlines.counts}:
        raise RunError(
            f"{found.name} was not trained on these titles: give the same file, and --titles "
            f"{sum(found.data['titles'].values())}"
        )
    train_config = stored_train_config(found)
    folder = workspace.checkpoints(weights_key(found.config))
    if not folder.is_dir():
        raise RunError(f"the weights of {found.name} are not here: train it again")
    fitted = load_headline_model(train_config, folder)
    titles = headlines.validation
    asked = (fitted.model, fitted.tokens, titles)
    options: dict[str, Any] = {
        "block": train_config.model.block_size,
        "bfloat16": cpu_has_bfloat16(),
    }
    losses = token_nll(*asked, **options, reading=found.settings["reading"])
    train = fitted.tokens.stream(headlines.train)
    max_tokens = min(40, train_config.model.block_size - 1)

    def expects() -> pd.DataFrame:
        return pd.concat(
            [top_next_tokens(fitted.model, fitted.tokens, b).assign(begun=b) for b in PROMPTS],
            ignore_index=True,
        )

    def writes() -> pd.DataFrame:
        written = generate_headlines(
            fitted.model,
            fitted.tokens,
            N_SAMPLES,
            temperature=0.8,
            max_tokens=max_tokens,
            seed=seed,
        )
        return pd.DataFrame({"title": written})

    tables: dict[str, Callable[[], pd.DataFrame]] = {
        "expects": expects,
        "places": lambda: loss_by_position(losses),
        "frequencies": lambda: loss_by_frequency(losses, fitted.tokens, titles, train),
        "batches": lambda: by_batch(fitted, titles, options),
        "writes": writes,
    }
    return [run(Probe(what, table, seed), found, workspace) for what, table in tables.items()]


def by_batch(
    fitted: FittedHeadlineModel, titles: Sequence[str], options: Mapping[str, Any]
) -> pd.DataFrame:
    """Return `batch`, `published`, `scored` and `bits_per_byte` of one checkpoint, a row a batch.

    Both are computed anew with each. Batches that the titles do not fill are left out.
    """
    asked, rows = (fitted.model, fitted.tokens, titles), []
    for size in BATCH_SIZES:
        try:
            found = task_metric(*asked, batch_size=size, **options)
        except DataError:
            continue
        nats = token_nll(*asked, batch_size=size, **options)
        rows.append(
            {
                "batch": size,
                "published": found.value,
                "scored": found.scored,
                "bits_per_byte": HeadlineLosses.of(titles, nats).bits_per_byte,
            }
        )
    return pd.DataFrame(rows, columns=["batch", "published", "scored", "bits_per_byte"])


def stored_train_config(found: Run) -> HeadlineTrainConfig:
    """Return the recipe of a stored run."""
    stored = dict(found.settings["recipe"])
    model = stored.pop("model")
    return HeadlineTrainConfig().override(**stored, **model)
