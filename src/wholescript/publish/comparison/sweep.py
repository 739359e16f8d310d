"""Metrics and figures of several executions of the same notebooks, side by side.

An execution is a mapping from notebook name to output root.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wholescript.errors import DataError, RunError
from wholescript.evaluation.film_bootstrap import paired_difference
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run, RunStore
from wholescript.publish.provenance.read import read_records

# The metrics shown for runs with predictions; other runs show all.
RANKING_METRICS = ("auc", "average_precision")

Outputs = Mapping[str, Path]


@dataclass(frozen=True)
class MetricCell:
    """A metric of one execution and its difference from the first execution; None if missing."""

    value: Metric | None
    difference: Metric | None = None

    @property
    def paired(self) -> bool:
        """Whether the difference has an interval."""
        return self.difference is not None and self.difference.low is not None


@dataclass(frozen=True)
class MetricRow:
    """A metric of a run, with one cell per execution."""

    run: str
    metric: str
    cells: list[MetricCell]


def metric_rows(executions: Sequence[Outputs], published: RunStore) -> Iterator[MetricRow]:
    """Yield the metrics of every run that the notebooks wrote or read, sorted by run name.

    A run that a notebook read but did not write is looked up by its key, in the output and then
    in `published`.
    """
    by_name = [_runs(outputs, published) for outputs in executions]
    for name in sorted(set().union(*by_name)):
        runs = [runs.get(name) for runs in by_name]
        existing = [run for run in runs if run is not None]
        ranked = any(run.has_predictions(FilmPredictions) for run in existing)
        metrics = dict.fromkeys(
            m for run in existing for m in run.metrics if not ranked or m in RANKING_METRICS
        )
        paired = [_paired(run, runs[0], list(metrics)) for run in runs]
        for metric in metrics:
            cells = [
                _cell(metric, run, runs[0], differences)
                for run, differences in zip(runs, paired, strict=True)
            ]
            yield MetricRow(name, metric, cells)


def figures_by_label(executions: Sequence[Outputs]) -> dict[str, list[Path | None]]:
    """Return the PNG of each execution by figure label; None where an execution has none."""
    images = [
        {path.stem: path for name, root in outputs.items() for path in _images(name, root)}
        for outputs in executions
    ]
    labels = sorted(set().union(*images))
    return {label: [by_label.get(label) for by_label in images] for label in labels}


def _runs(outputs: Outputs, published: RunStore) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for notebook, root in outputs.items():
        store = RunStore(root / "results")
        stored = filter(None, map(store.find, store.names()))
        own = {run.name: run for run in stored if run.config.get("notebook") == notebook}
        read = [record["runs"] for record in _records(notebook, root)]
        read += [run.data.get("runs") or {} for run in own.values()]
        for name, key in (item for runs in read for item in runs.items()):
            for run in filter(None, (store.find(name), published.find(name))):
                if run.key == key:
                    own.setdefault(name, run)
        found = own | found
    return found


def _images(notebook: str, root: Path) -> Iterator[Path]:
    for record in _records(notebook, root):
        image = root / "figures" / f"{record['label']}.png"
        if image.exists():
            yield image


def _records(notebook: str, root: Path) -> list[dict[str, Any]]:
    return [r for r in read_records(root / "figures") if r["notebook"] == notebook]


def _paired(run: Run | None, first: Run | None, metrics: list[str]) -> dict[str, Metric]:
    """Return the paired differences by metric; empty if the runs cannot be paired."""
    if run is None or first is None or run is first:
        return {}
    try:
        table = paired_difference(
            run.predictions(FilmPredictions), first.predictions(FilmPredictions), metrics
        )
    except (DataError, RunError):  # other films, or no stored predictions
        return {}
    return {row.metric: Metric(row.value, row.low, row.high) for row in table.itertuples()}


def _cell(metric: str, run: Run | None, first: Run | None, paired: dict[str, Metric]) -> MetricCell:
    value = run.metrics.get(metric) if run else None
    base = first.metrics.get(metric) if first else None
    if value is None or base is None or run is first:
        return MetricCell(value)
    return MetricCell(value, paired.get(metric) or Metric(value.value - base.value))
