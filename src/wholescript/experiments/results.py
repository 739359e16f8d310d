"""Stored results as the pages use them: metrics, differences, histories and configurations.

Standard library only, so that building the site does not import the training code.
"""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wholescript.errors import RunError, did_you_mean


@dataclass(frozen=True)
class Metric:
    """A stored number.

    `low` and `high` are the bounds of its 95% interval, if it has one. `tolerance` is the largest
    accepted deviation of a rerun from `value`, in the same unit.
    """

    value: float
    low: float | None = None
    high: float | None = None
    tolerance: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """Return the fields that are not None, rounded to 6 decimals, for metrics.json."""
        return {k: round(float(v), 6) for k, v in vars(self).items() if v is not None}


@dataclass(frozen=True)
class Results:
    """The folder `results`: one folder a run, `<group>/<name>`.

    `references` lists every metric and difference that was looked up, in order: the evidence of a
    claim.
    """

    root: Path
    references: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """Return the names of all finished runs, sorted."""
        found = self.root.glob("*/*/config.json")
        return sorted(path.parent.relative_to(self.root).as_posix() for path in found)

    def config(self, run: str) -> dict[str, Any]:
        """Return the config.json of a run.

        Raises:
            RunError: there is no such run; the message suggests similar names.
        """
        return self._load(run, "config.json")

    def metrics(self, run: str) -> dict[str, Metric]:
        """Return the metrics of a run; raises as `config` does."""
        return {name: Metric(**item) for name, item in self._load(run, "metrics.json").items()}

    def epochs(self, run: str) -> list[dict[str, str]]:
        """Return the history rows of a run, training after training; empty if it has no epochs.

        Raises:
            RunError: there is no such run.
        """
        self.config(run)
        path = self.root / run / "history.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return rows if rows and {"epoch", "val_loss"} <= rows[0].keys() else []

    def metric(self, reference: str) -> Metric:
        """Return the metric with the reference `run:metric`.

        Raises:
            RunError: there is no such run or metric; the message suggests similar names.
        """
        run, colon, name = reference.strip().partition(":")
        if not colon or not name:
            raise RunError(f"{reference!r} is not of the form run:metric")
        metrics = self.metrics(run)
        if name not in metrics:
            raise RunError(f"the run {run!r} has no metric {name!r}{did_you_mean(name, metrics)}")
        self.references.append(reference.strip())
        return metrics[name]

    def difference(self, reference: str) -> Metric:
        """Return the paired difference with the reference `run - baseline:metric`.

        Raises:
            RunError: no notebook stored that difference; the message suggests similar names.
        """
        wanted = difference_name(reference)
        known: list[str] = []
        for run in self.names():
            if run.endswith("/differences"):
                metrics = self.metrics(run)
                if wanted in metrics:
                    self.references.append(wanted)
                    return metrics[wanted]
                known += metrics
        raise RunError(f"no notebook stored the difference {wanted!r}{did_you_mean(wanted, known)}")

    def _load(self, run: str, file: str) -> dict[str, Any]:
        path = self.root / run / file
        if run.count("/") != 1 or not path.is_file():
            raise RunError(f"there is no run {run!r} in results/{did_you_mean(run, self.names())}")
        return dict(json.loads(path.read_text(encoding="utf-8")))


def difference_name(reference: str) -> str:
    """Return `run - baseline:metric` with the spacing under which it is stored."""
    runs, colon, metric = reference.strip().rpartition(":")
    run, minus, baseline = (part.strip() for part in runs.partition(" - "))
    if not (colon and minus and run and baseline and metric):
        raise RunError(f"{reference!r} is not of the form run - baseline:metric")
    return f"{run} - {baseline}:{metric}"
