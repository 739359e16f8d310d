"""Stored headline runs as tables and metrics of a notebook."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from wholescript.errors import RunError
from wholescript.experiments.documents.tables import training_script
from wholescript.experiments.results import Metric
from wholescript.experiments.seeds import mean_costs, strip_seed
from wholescript.experiments.store import Run, RunStore
from wholescript.experiments.workspace import current_workspace
from wholescript.studies.headlines.ablation import ABLATION_STEPS, kept_steps_before
from wholescript.studies.headlines.losses import (
    HeadlineLosses,
    mean_bits_per_byte,
    paired_difference,
)

HeadlineRuns = Mapping[str, Sequence[Run]]
COSTS = (
    "nats_per_character",
    "scored_token_share",
    "nats_per_character_corrected",
    "parameters",
    "train_seconds",
)
CONFIG_FIELDS = ("n_layer", "n_head", "d_model", "vocab_size", "block_size")


def load_headline_runs(group: str) -> dict[str, list[Run]]:
    """Return the published headline runs, by their name without group and seed.

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
    """Return the headline runs in a store, by their name without group and seed."""
    found: dict[str, list[Run]] = {}
    for name in store.names():
        run = store.find(name) if name.startswith(f"{group}/") else None
        if run is not None and run.has_predictions(HeadlineLosses):
            found.setdefault(strip_seed(name).partition("/")[2], []).append(run)
    return found


def ablation_table(runs: HeadlineRuns, prefix: str = "") -> pd.DataFrame:
    """Return a row for each ablation step that has runs `<prefix><step>`, in order.

    Columns: `bits_per_byte` with `low` and `high`; `baseline`, the last kept step before it;
    `bits_per_byte_change` from that with `bits_per_byte_change_low` and `_high`; `kept`; `seeds`;
    and the means of `COSTS` over seeds. Intervals are over headlines and seeds.

    Raises:
        RunError: a step has runs, but its baseline has none.
    """
    rows = {}
    for step in ABLATION_STEPS:
        seeds = runs.get(f"{prefix}{step.name}")
        if not seeds:
            continue
        baseline = (kept_steps_before(step.name) or [step])[-1].name
        if f"{prefix}{baseline}" not in runs:
            raise RunError(f"{step.name} is compared with {baseline}, which has no runs: train it")
        value, low, high = mean_bits_per_byte(_losses(seeds))
        change = paired_difference(_losses(seeds), _losses(runs[f"{prefix}{baseline}"]))
        rows[step.name] = {
            "bits_per_byte": value,
            "low": low,
            "high": high,
            "baseline": baseline,
            "bits_per_byte_change": change["value"],
            "bits_per_byte_change_low": change["low"],
            "bits_per_byte_change_high": change["high"],
            "kept": step.kept,
            "seeds": len(seeds),
            **_cost_columns(seeds),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")


def step_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return the change at each step of `ablation_table` but the first: `value`, `low`, `high`."""
    change = "bits_per_byte_change"
    found = table[[change, f"{change}_low", f"{change}_high"]].iloc[1:]
    return found.set_axis(["value", "low", "high"], axis=1).astype(float)


def differences_from_baseline(models: HeadlineRuns, baseline: str) -> pd.DataFrame:
    """Return bits per byte of each model minus the baseline's: `value`, `low`, `high`."""
    rows = {
        name: paired_difference(_losses(seeds), _losses(models[baseline]))[["value", "low", "high"]]
        for name, seeds in models.items()
        if name != baseline
    }
    return pd.DataFrame(rows).T.sort_values("value", ascending=False)


def summary_metrics(seeds: Sequence[Run]) -> dict[str, Metric]:
    """Return bits per byte with its interval, mean costs, and the number of seeds."""
    value, low, high = mean_bits_per_byte(_losses(seeds))
    costs = {name: Metric(cost, tolerance=abs(cost)) for name, cost in mean_costs(seeds).items()}
    bits_per_byte = Metric(value, low, high, (high - low) / 4)
    return costs | {"bits_per_byte": bits_per_byte, "seeds": Metric(len(seeds))}


def config_metrics(seeds: Sequence[Run]) -> dict[str, Metric]:
    """Return configuration fields, epochs, and the split sizes `n_train`, `n_validation`."""
    train_config, counts = seeds[0].settings["train_config"], seeds[0].data["headlines"]
    model = {name: Metric(train_config["model"][name]) for name in CONFIG_FIELDS}
    sizes = {f"n_{split}": Metric(count) for split, count in counts.items()}
    return model | sizes | {"epochs": Metric(train_config["epochs"])}


def bits_per_byte_ratios(models: HeadlineRuns, baseline: str) -> dict[str, Metric]:
    """Return bits per byte over the baseline's, as `<model>_over_<baseline>`."""
    found = {}
    for name in models.keys() - {baseline}:
        difference = paired_difference(_losses(models[name]), _losses(models[baseline]))
        value, low, high = (difference[column] for column in ("ratio", "ratio_low", "ratio_high"))
        found[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return found


def train_time_ratios(models: HeadlineRuns, baseline: str) -> dict[str, Metric]:
    """Return the mean training time over the baseline's, as `<model>_over_<baseline>`.

    The ratio is meaningful only if each training had the same machine to itself.
    """
    seconds = {name: mean_costs(seeds)["train_seconds"] for name, seeds in models.items()}
    ratios = {name: value / seconds[baseline] for name, value in seconds.items()}
    return {
        f"{name}_over_{baseline}": Metric(ratio, tolerance=ratio)
        for name, ratio in ratios.items()
        if name != baseline
    }


def config_table(models: HeadlineRuns, baseline: str) -> pd.DataFrame:
    """Return a row for each model: `bits_per_byte`, its ratio to the baseline, and costs.

    Columns: `bits_per_byte`, `ratio` with `ratio_low` and `ratio_high`, `seeds`, and `COSTS`.
    """
    rows = {}
    for name, seeds in models.items():
        difference = paired_difference(_losses(seeds), _losses(models[baseline]))
        rows[name] = {
            "bits_per_byte": mean_bits_per_byte(_losses(seeds))[0],
            **{column: difference[column] for column in ("ratio", "ratio_low", "ratio_high")},
            "seeds": len(seeds),
            **_cost_columns(seeds),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def mean_history(seeds: Sequence[Run]) -> pd.DataFrame:
    """Return the mean over seeds of each epoch: `epoch`, `train_loss`, `val_loss`, `seconds`.

    Losses are in bits per byte: nats per token divided by ln 2 and by the bytes per token of the
    validation split. `seconds` are cumulative, to the end of the epoch.
    """
    tables = []
    for run in seeds:
        history = run.history.set_index("epoch")
        bytes_per_token = run.metrics["bytes_per_token"].value
        losses = history[["train_loss", "val_loss"]] / (math.log(2) * bytes_per_token)
        tables.append(losses.assign(seconds=history["seconds"].cumsum()))
    return pd.concat(tables).groupby("epoch").mean().reset_index()


def seconds_to_loss(history: pd.DataFrame, loss: float) -> float:
    """Return the seconds to the first epoch of `mean_history` with no higher `val_loss`, or NaN."""
    return float(history.loc[history["val_loss"] <= loss, "seconds"].min())


def _cost_columns(seeds: Sequence[Run]) -> dict[str, float]:
    costs = mean_costs(seeds)
    return {name: costs.get(name, float("nan")) for name in COSTS}


def _losses(seeds: Sequence[Run]) -> list[HeadlineLosses]:
    return [run.predictions(HeadlineLosses) for run in seeds]
