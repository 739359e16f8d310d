"""What several executions of the same notebooks made, by run, metric and label.

Each execution is given as the output root of each of its notebooks, by name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wholescript.errors import DataError, RunError
from wholescript.evaluation.film_bootstrap import paired_difference
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run, RunStore

RANKING_METRICS = (
    "auc",
    "average_precision",
)  # shown of runs that keep predictions; all of other runs

Outputs = Mapping[str, Path]


@dataclass(frozen=True)
class MetricCell:
    """A metric of one execution, and how far it is from that of the first; None where missing."""

    value: Metric | None
    difference: Metric | None = None

    @property
    def paired(self) -> bool:
        """Whether the difference has an interval."""
        return self.difference is not None and self.difference.low is not None


@dataclass(frozen=True)
class MetricRow:
    """A metric of a run, a cell an execution."""

    run: str
    metric: str
    cells: list[MetricCell]


def metric_rows(executions: Sequence[Outputs], published: RunStore) -> Iterator[MetricRow]:
    """Yield the metrics of every run that the notebooks made or read, by the runs' names.

    A run that was read and not made is looked up, by its key, among the published ones.
    """
    found = [_runs(outputs, published) for outputs in executions]
    for name in sorted({name for runs in found for name in runs}):
        runs = [runs.get(name) for runs in found]
        there = [run for run in runs if run is not None]
        ranked = any(run.stores(FilmPredictions) for run in there)
        metrics = dict.fromkeys(
            m for run in there for m in run.metrics if not ranked or m in RANKING_METRICS
        )
        paired = [_paired(run, runs[0], list(metrics)) for run in runs]
        for metric in metrics:
            cells = [
                _cell(metric, run, runs[0], differences)
                for run, differences in zip(runs, paired, strict=True)
            ]
            yield MetricRow(name, metric, cells)


def figures_by_label(executions: Sequence[Outputs]) -> dict[str, list[Path | None]]:
    """Return the PNG of each execution for every figure that the notebooks drew."""
    drawn = [
        {p.stem: p for name, root in outputs.items() for p in _pictures(name, root)}
        for outputs in executions
    ]
    labels = sorted({label for pictures in drawn for label in pictures})
    return {label: [pictures.get(label) for pictures in drawn] for label in labels}


def _runs(outputs: Outputs, published: RunStore) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for notebook, root in outputs.items():
        store = RunStore(root / "results")
        made = filter(None, map(store.find, store.names()))
        own = {run.name: run for run in made if run.config.get("notebook") == notebook}
        records = [_read_json(path) for path in (root / "figures").glob("*.passport.json")]
        for facts in [*records, *(run.config for run in own.values())]:
            read = facts.get("runs", {}) if facts["notebook"] == notebook else {}
            for name, key in read.items():
                if run := store.find(name, key) or published.find(name, key):
                    own.setdefault(name, run)
        found = own | found
    return found


def _pictures(notebook: str, root: Path) -> Iterator[Path]:
    for path in (root / "figures").glob("*.passport.json"):
        provenance = _read_json(path)
        picture = path.parent / f"{provenance['label']}.png"
        if provenance["notebook"] == notebook and picture.exists():
            yield picture


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _paired(run: Run | None, first: Run | None, metrics: list[str]) -> dict[str, Metric]:
    """Return the differences that can be paired, by metric."""
    if run is None or first is None or run is first:
        return {}
    try:
        table = paired_difference(
            run.predictions(FilmPredictions), first.predictions(FilmPredictions), metrics
        )
    except (DataError, RunError):  # other films, or numbers without predictions
        return {}
    return {row.metric: Metric(row.value, row.low, row.high) for row in table.itertuples()}


def _cell(metric: str, run: Run | None, first: Run | None, paired: dict[str, Metric]) -> MetricCell:
    value = run.metrics.get(metric) if run else None
    base = first.metrics.get(metric) if first else None
    if value is None or base is None or run is first:
        return MetricCell(value)
    return MetricCell(value, paired.get(metric) or Metric(value.value - base.value))
