"""Stored runs of models of titles as tables of a notebook: steps, losses, costs."""

from collections.abc import Mapping, Sequence

import pandas as pd

from wholescript.evaluation.title_losses import TitleLosses, bits, difference
from wholescript.report.runs import TITLES, Run, RunStore
from wholescript.report.text_runs import mean_costs, seedless
from wholescript.report.title_steps import STEPS

TitleRuns = Mapping[str, Sequence[Run]]
COSTS = ("published", "scored_share", "corrected", "parameters", "train_seconds")


def title_runs(store: RunStore, group: str) -> dict[str, list[Run]]:
    """Return the runs of models of titles in a store, by their name without group and seed."""
    found: dict[str, list[Run]] = {}
    for name in store.names():
        if name.startswith(f"{group}/") and (store.folder(name) / TITLES).exists():
            run = store.find(name)
            assert run is not None
            found.setdefault(seedless(name).partition("/")[2], []).append(run)
    return found


def step_table(runs: TitleRuns, prefix: str = "") -> pd.DataFrame:
    """Return a row a step, in the order of the study, of the runs `<prefix><step>`.

    Columns `bits` a byte with `low` and `high`, `change` from the step before that was run with
    `change_low` and `change_high`, `ratio` to the first with `ratio_low` and `ratio_high`, `seeds`,
    the loss as `published`, the `scored_share` that it is of, `corrected` for that, `parameters`
    and `train_seconds`: means over seeds. Intervals are over titles and seeds.
    """
    rows = {}
    first: list[TitleLosses] | None = None
    before: list[TitleLosses] | None = None
    for step in STEPS:
        seeds = runs.get(f"{prefix}{step.name}")
        if not seeds:
            continue
        losses = [run.title_losses for run in seeds]
        first, before = first or losses, before or losses
        value, low, high = bits(losses)
        to_before, to_first = difference(losses, before), difference(losses, first)
        costs = mean_costs(seeds)
        rows[step.name] = {
            "bits": value,
            "low": low,
            "high": high,
            "change": to_before["value"],
            "change_low": to_before["low"],
            "change_high": to_before["high"],
            "ratio": to_first["ratio"],
            "ratio_low": to_first["ratio_low"],
            "ratio_high": to_first["ratio_high"],
            "seeds": len(seeds),
            **{cost: costs.get(cost, float("nan")) for cost in COSTS},
        }
        before = losses
    return pd.DataFrame(rows).T.rename_axis("step")
