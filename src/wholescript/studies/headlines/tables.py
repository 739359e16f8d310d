"""Headline runs as tables and metrics of a notebook."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from wholescript.errors import RunError
from wholescript.experiments.results import Metric
from wholescript.experiments.seeds import costs_over_seeds
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import bootstrap_seed
from wholescript.studies.headlines.ablation import ABLATION_STEPS, kept_steps_before
from wholescript.studies.headlines.losses import (
    HeadlineLosses,
    mean_bits_per_byte,
    paired_difference,
)

REPORTED_METRICS = (
    "nats_per_character",
    "scored_token_share",
    "nats_per_character_corrected",
    "parameters",
    "train_seconds",
)
RunsByModel = Mapping[str, Sequence[Run]]
MODEL_SIZE_COLUMNS = ("n_layer", "n_head", "d_model", "vocab_size", "block_size")


def ablation_table(runs_by_model: RunsByModel) -> pd.DataFrame:
    """Return a row for each ablation step that has runs, in order.

    Columns: `bits_per_byte` with `low` and `high`; `baseline`, the last kept step before it;
    `bits_per_byte_change` from that with `bits_per_byte_change_low` and `_high`; `kept`; `seeds`;
    and the means of `REPORTED_METRICS` over seeds. Intervals are over headlines and seeds.

    Raises:
        RunError: a step has runs, but its baseline has none.
    """
    rows = {}
    for step in ABLATION_STEPS:
        runs = runs_by_model.get(step.name)
        if not runs:
            continue
        baseline = (kept_steps_before(step.name) or [step])[-1].name
        if baseline not in runs_by_model:
            raise RunError(f"{step.name} is compared with {baseline}, which has no runs: train it")
        value, low, high = _mean_bits_per_byte(runs)
        change = _paired_difference(runs, runs_by_model[baseline])
        rows[step.name] = {
            "bits_per_byte": value,
            "low": low,
            "high": high,
            "baseline": baseline,
            "bits_per_byte_change": change["value"],
            "bits_per_byte_change_low": change["low"],
            "bits_per_byte_change_high": change["high"],
            "kept": step.kept,
            "seeds": len(runs),
            **_mean_metrics(runs),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")


def step_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return the change at each step of `ablation_table` but the first: `value`, `low`, `high`."""
    change = "bits_per_byte_change"
    found = table[[change, f"{change}_low", f"{change}_high"]].iloc[1:]
    return found.set_axis(["value", "low", "high"], axis=1).astype(float)


def differences_from_baseline(models: RunsByModel, baseline: str) -> pd.DataFrame:
    """Return bits per byte of each model minus the baseline's: `value`, `low`, `high`."""
    rows = {
        name: _paired_difference(runs, models[baseline])[["value", "low", "high"]]
        for name, runs in models.items()
        if name != baseline
    }
    return pd.DataFrame(rows).T.sort_values("value", ascending=False)


def summary_metrics(runs: Sequence[Run]) -> dict[str, Metric]:
    """Return bits per byte with its interval, mean costs, the number of seeds, and sizes.

    The sizes are `MODEL_SIZE_COLUMNS`, `epochs`, and those of the splits, `n_train` and
    `n_validation`.
    """
    value, low, high = _mean_bits_per_byte(runs)
    costs = {
        name: Metric(cost, tolerance=abs(cost)) for name, cost in costs_over_seeds(runs).items()
    }
    bits_per_byte = Metric(value, low, high, (high - low) / 4)
    train_config, counts = runs[0].settings["train_config"], runs[0].data["headlines"]
    return {
        **costs,
        "bits_per_byte": bits_per_byte,
        "seeds": Metric(len(runs)),
        **{name: Metric(train_config["model"][name]) for name in MODEL_SIZE_COLUMNS},
        **{f"n_{split}": Metric(count) for split, count in counts.items()},
        "epochs": Metric(train_config["epochs"]),
    }


def bits_per_byte_ratios(models: RunsByModel, baseline: str) -> dict[str, Metric]:
    """Return bits per byte over the baseline's, as `<model>_over_<baseline>`."""
    found = {}
    for name in models.keys() - {baseline}:
        difference = _paired_difference(models[name], models[baseline])
        value, low, high = (difference[column] for column in ("ratio", "ratio_low", "ratio_high"))
        found[f"{name}_over_{baseline}"] = Metric(value, low, high, (high - low) / 2)
    return found


def train_time_ratios(models: RunsByModel, baseline: str) -> dict[str, Metric]:
    """Return the training time over the baseline's, as `<model>_over_<baseline>`.

    Times are medians over seeds. The ratio is meaningful only if each training had the same machine
    to itself.
    """
    seconds = {name: costs_over_seeds(runs)["train_seconds"] for name, runs in models.items()}
    ratios = {name: value / seconds[baseline] for name, value in seconds.items()}
    return {
        f"{name}_over_{baseline}": Metric(ratio, tolerance=ratio)
        for name, ratio in ratios.items()
        if name != baseline
    }


def model_table(models: RunsByModel, baseline: str) -> pd.DataFrame:
    """Return a row for each model: `bits_per_byte`, its ratio to the baseline, and costs.

    Columns: `bits_per_byte`, `ratio` with `ratio_low` and `ratio_high`, `seeds`, and the means of
    `REPORTED_METRICS` over seeds.
    """
    rows = {}
    for name, runs in models.items():
        difference = _paired_difference(runs, models[baseline])
        rows[name] = {
            "bits_per_byte": _mean_bits_per_byte(runs)[0],
            **{column: difference[column] for column in ("ratio", "ratio_low", "ratio_high")},
            "seeds": len(runs),
            **_mean_metrics(runs),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def mean_history(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean over seeds of each epoch: `epoch`, `train_loss`, `val_loss`, `seconds`.

    Losses are in bits per byte: nats per token divided by ln 2 and by the bytes per token of the
    validation split. `seconds` are cumulative, to the end of the epoch.
    """
    tables = []
    for run in runs:
        history = run.history.set_index("epoch")
        bytes_per_token = run.metrics["bytes_per_token"].value
        losses = history[["train_loss", "val_loss"]] / (math.log(2) * bytes_per_token)
        tables.append(losses.assign(seconds=history["seconds"].cumsum()))
    return pd.concat(tables).groupby("epoch").mean().reset_index()


def metrics_by_seed(runs: Sequence[Run], names: Sequence[str]) -> pd.DataFrame:
    """Return a row for each seed with the metrics of these names; NaN where a run has none."""
    rows = {
        run.settings["seed"]: {
            name: run.metrics[name].value if name in run.metrics else math.nan for name in names
        }
        for run in runs
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("seed")


def seconds_to_loss(history: pd.DataFrame, loss: float) -> float:
    """Return the seconds to the first epoch of `mean_history` with no higher `val_loss`, or NaN."""
    return float(history.loc[history["val_loss"] <= loss, "seconds"].min())


def _mean_metrics(runs: Sequence[Run]) -> dict[str, float]:
    costs = costs_over_seeds(runs)
    return {name: costs.get(name, float("nan")) for name in REPORTED_METRICS}


def _losses(runs: Sequence[Run]) -> list[HeadlineLosses]:
    return [run.predictions(HeadlineLosses) for run in runs]


def _mean_bits_per_byte(runs: Sequence[Run]) -> tuple[float, float, float]:
    return mean_bits_per_byte(_losses(runs), bootstrap_seed())


def _paired_difference(a: Sequence[Run], b: Sequence[Run]) -> pd.Series:
    return paired_difference(_losses(a), _losses(b), bootstrap_seed())
