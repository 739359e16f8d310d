"""Stored results as the pages read them: numbers, differences and where they came from.

Standard library only, so that a site is built without loading what trained the models.
"""

import csv
import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wholescript.errors import RunError


@dataclass(frozen=True)
class Metric:
    """A stored number.

    `low` and `high` bound its 95% interval where it has one; `tolerance` is how far a rerun may
    end from `value`, in the same unit.
    """

    value: float
    low: float | None = None
    high: float | None = None
    tolerance: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """Return what is there, rounded to 6 decimals, for metrics.json."""
        return {k: round(float(v), 6) for k, v in vars(self).items() if v is not None}


@dataclass(frozen=True)
class Results:
    """The folder `results`: one folder a run, `<group>/<name>`.

    `read` lists every reference that was looked up, in order: the evidence of a claim.
    """

    root: Path
    read: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """Return the names of all finished runs, sorted."""
        found = self.root.glob("*/*/config.json")
        return sorted(path.parent.relative_to(self.root).as_posix() for path in found)

    def config(self, run: str) -> dict[str, Any]:
        """Return what a run was made with.

        Raises:
            RunError: there is no such run; the message names the nearest.
        """
        return self._load(run, "config.json")

    def metrics(self, run: str) -> dict[str, Metric]:
        """Return the metrics of a run; raises as `config` does."""
        return {name: Metric(**item) for name, item in self._load(run, "metrics.json").items()}

    def epochs(self, run: str) -> list[dict[str, str]]:
        """Return the epochs of a run's trainings, one after another; none where it has none.

        Raises:
            RunError: there is no such run.
        """
        self.config(run)
        path = self.root / run / "history.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return rows if rows and {"epoch", "held_out_loss"} <= rows[0].keys() else []

    def metric(self, reference: str) -> Metric:
        """Return the number that `run:metric` names.

        Raises:
            RunError: there is no such run or metric; the message names the nearest.
        """
        run, colon, name = reference.strip().partition(":")
        if not colon or not name:
            raise RunError(f"{reference!r} is not of the form run:metric")
        metrics = self.metrics(run)
        if name not in metrics:
            raise RunError(f"the run {run!r} has no metric {name!r}{nearest(name, metrics)}")
        self.read.append(reference.strip())
        return metrics[name]

    def difference(self, reference: str) -> Metric:
        """Return the paired difference that `run - baseline:metric` names.

        Raises:
            RunError: no notebook stored that difference; the message names the nearest.
        """
        wanted = difference_name(reference)
        known: list[str] = []
        for run in self.names():
            if run.endswith("/differences"):
                metrics = self.metrics(run)
                if wanted in metrics:
                    self.read.append(wanted)
                    return metrics[wanted]
                known += metrics
        raise RunError(f"no notebook stored the difference {wanted!r}{nearest(wanted, known)}")

    def _load(self, run: str, file: str) -> dict[str, Any]:
        path = self.root / run / file
        if run.count("/") != 1 or not path.is_file():
            raise RunError(f"there is no run {run!r} in results/{nearest(run, self.names())}")
        return dict(json.loads(path.read_text(encoding="utf-8")))


def difference_name(reference: str) -> str:
    """Return `run - baseline:metric` in the one spelling under which it is stored."""
    runs, colon, metric = reference.strip().rpartition(":")
    run, minus, baseline = (part.strip() for part in runs.partition(" - "))
    if not (colon and minus and run and baseline and metric):
        raise RunError(f"{reference!r} is not of the form run - baseline:metric")
    return f"{run} - {baseline}:{metric}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: what was perhaps meant, or all there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; there are: {', '.join(names) or 'none'}"
