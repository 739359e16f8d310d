"""Stored runs of models of titles as tables of a notebook: steps, losses, costs."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from wholescript.errors import RunError
from wholescript.experiments.documents.runs import mean_costs, strip_seed
from wholescript.experiments.documents.tables import training_script
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import current_workspace
from wholescript.studies.headlines.ablation import ABLATION_STEPS, kept_steps_before
from wholescript.studies.headlines.losses import HeadlineLosses, bits, difference

HeadlineRuns = Mapping[str, Sequence[Run]]
COSTS = ("published", "scored_share", "corrected", "parameters", "train_seconds")
CONFIG_SIZES = ("layers", "heads", "width", "vocabulary", "context")


def load_headline_runs(group: str) -> dict[str, list[Run]]:
    """Return the published runs of models of titles, by their name without group and seed.

    Raises:
        RunError: there is none.
    """
    workspace = current_workspace()
    found = find_headline_runs(RunStore(workspace.project.root / "results"), group)
    if not found:
        raise RunError(f"results/ holds no runs of {group!r}: {training_script()} makes them")
    for run in (run for seeds in found.values() for run in seeds):
        workspace.used[run.name] = run.key
    return found


def find_headline_runs(store: RunStore, group: str) -> dict[str, list[Run]]:
    """Return the runs of models of titles in a store, by their name without group and seed."""
    found: dict[str, list[Run]] = {}
    for name in store.names():
        run = store.find(name) if name.startswith(f"{group}/") else None
        if run is not None and run.stores(HeadlineLosses):
            found.setdefault(strip_seed(name).partition("/")[2], []).append(run)
    return found


def ablation_table(runs: HeadlineRuns, prefix: str = "") -> pd.DataFrame:
    """Return a row a step, in the order of the study, of the runs `<prefix><step>`.

    Columns `bits` a byte with `low` and `high`, `change` with `change_low` and `change_high` from
    the step that it is `beside`, the last one kept before it, `kept`, `seeds`, the loss as
    `published`, the `scored_share` that it is of, `corrected` for that, `parameters` and
    `train_seconds`: means over seeds. Intervals are over titles and seeds.

    Raises:
        RunError: a step was run, and the one that it is beside was not.
    """
    rows = {}
    for step in ABLATION_STEPS:
        seeds = runs.get(f"{prefix}{step.name}")
        if not seeds:
            continue
        losses = _losses(seeds)
        beside = (kept_steps_before(step.name) or [step])[-1].name
        if f"{prefix}{beside}" not in runs:
            raise RunError(f"{step.name} is compared with {beside}, which was not run: run it too")
        value, low, high = bits(losses)
        change = difference(losses, _losses(runs[f"{prefix}{beside}"]))
        costs = mean_costs(seeds)
        rows[step.name] = {
            "bits": value,
            "low": low,
            "high": high,
            "beside": beside,
            "change": change["value"],
            "change_low": change["low"],
            "change_high": change["high"],
            "kept": step.kept,
            "seeds": len(seeds),
            **{cost: costs.get(cost, float("nan")) for cost in COSTS},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")


def changes(steps: pd.DataFrame) -> pd.DataFrame:
    """Return what each step but the first changed: `value`, `low`, `high`, of a `ablation_table`."""
    found = steps[["change", "change_low", "change_high"]].iloc[1:]
    return found.set_axis(["value", "low", "high"], axis=1).astype(float)


def beside(models: HeadlineRuns, baseline: str) -> pd.DataFrame:
    """Return what each model changed from the baseline in bits a byte: `value`, `low`, `high`."""
    rows = {
        name: difference(_losses(seeds), _losses(models[baseline]))[["value", "low", "high"]]
        for name, seeds in models.items()
        if name != baseline
    }
    return pd.DataFrame(rows).T.sort_values("value", ascending=False)


def facts(seeds: Sequence[Run]) -> dict[str, Metric]:
    """Return bits a byte with its interval over titles and seeds, the mean costs, and the seeds."""
    value, low, high = bits(_losses(seeds))
    costs = {name: Metric(value, tolerance=abs(value)) for name, value in mean_costs(seeds).items()}
    found = {"bits": Metric(value, low, high, (high - low) / 4), "seeds": Metric(len(seeds))}
    return costs | found


def sizes(seeds: Sequence[Run]) -> dict[str, Metric]:
    """Return the shape of a model, its epochs, and how many titles it was trained and judged on."""
    recipe, titles = seeds[0].settings["recipe"], seeds[0].data["titles"]
    model = {name: Metric(recipe["model"][name]) for name in CONFIG_SIZES}
    of_titles = {f"titles_{side}": Metric(count) for side, count in titles.items()}
    return model | of_titles | {"epochs": Metric(recipe["epochs"])}


def ratios(models: HeadlineRuns, baseline: str) -> dict[str, Metric]:
    """Return bits a byte over the baseline's, as `<model>_over_<baseline>`."""
    found = {}
    for name in models.keys() - {baseline}:
        comparison = difference(_losses(models[name]), _losses(models[baseline]))
        value, low, high = (comparison[column] for column in ("ratio", "ratio_low", "ratio_high"))
        found[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return found


def times(models: HeadlineRuns, baseline: str) -> dict[str, Metric]:
    """Return the time to train over the baseline's, as `<model>_over_<baseline>`.

    It means something only where all had the same machine to themselves.
    """
    seconds = {name: mean_costs(seeds)["train_seconds"] for name, seeds in models.items()}
    ratio = {name: value / seconds[baseline] for name, value in seconds.items()}
    return {
        f"{name}_over_{baseline}": Metric(value, tolerance=value)
        for name, value in ratio.items()
        if name != baseline
    }


def config_table(models: HeadlineRuns, baseline: str) -> pd.DataFrame:
    """Return a row a model: `bits`, `ratio` to the baseline's with interval, and what it cost."""
    rows = {}
    for name, seeds in models.items():
        comparison = difference(_losses(seeds), _losses(models[baseline]))
        costs = mean_costs(seeds)
        rows[name] = {
            "bits": bits(_losses(seeds))[0],
            **{column: comparison[column] for column in ("ratio", "ratio_low", "ratio_high")},
            "seeds": len(seeds),
            **{cost: costs.get(cost, float("nan")) for cost in COSTS},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def epochs(seeds: Sequence[Run]) -> pd.DataFrame:
    """Return the mean losses of each epoch: `epoch`, `train_loss`, `held_out_loss`, bits a byte.

    Losses of tokens are divided by the bytes that a token of the validation titles has. `seconds`
    are those from the beginning to the end of the epoch.
    """
    rows = []
    for run in seeds:
        history = run.history.set_index("epoch")
        losses = history[["train_loss", "held_out_loss"]]
        losses = losses / (run.metrics["bytes_per_token"].value * math.log(2))
        rows.append(losses.assign(seconds=history["seconds"].cumsum()))
    return pd.concat(rows).groupby("epoch").mean().reset_index()


def seconds_to_loss(history: pd.DataFrame, loss: float) -> float:
    """Return the seconds to the first of `epochs` whose held-out loss is no higher, else NaN."""
    return float(history.loc[history["held_out_loss"] <= loss, "seconds"].min())


def _losses(seeds: Sequence[Run]) -> list[HeadlineLosses]:
    return [run.predictions(HeadlineLosses) for run in seeds]
