"""Stored results as the pages use them: metrics, differences, histories and configurations.

Standard library only, so that building the site does not import the training code.
`experiments/group.py` writes what is read here.
"""

import copy
import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from wholescript.errors import RunError, did_you_mean
from wholescript.experiments.key import hash_json

RUNS, HISTORIES_FILE = "runs.json", "histories.csv"
STORED = ("metrics", "tables", "history")
"""What an entry of runs.json has besides the identity and the metadata of a run."""
SHARED = (
    "classes",
    "code",
    "commit",
    "dataset",
    "device",
    "modules",
    "notebook",
    "parameters",
    "scale",
    "source",
    "threads",
    "versions",
    "words",
)
"""The metadata that many runs of a group share: runs.json has each combination once."""

Entry = Mapping[str, Any]
"""A run in runs.json: identity, key, metadata and metrics, `tables` (the Parquet files with rows of
it) and `history` (the columns of its history)."""


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
        """Return the fields that are not None, rounded to 6 decimals, for runs.json."""
        return {k: round(float(v), 6) for k, v in vars(self).items() if v is not None}


@dataclass(frozen=True)
class Results:
    """The folder `results`: a folder per group of runs; a run is called `<group>/<name>`.

    `references` lists every metric and difference that was looked up, in order: the evidence of a
    claim. `remade` has metrics, by run, that take the place of stored ones.
    """

    root: Path
    references: list[str] = field(default_factory=list)
    remade: Mapping[str, Mapping[str, Metric]] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names of all finished runs, sorted."""
        groups = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(f"{group.name}/{name}" for group in groups for name in read_runs(group))

    def config(self, run: str) -> dict[str, Any]:
        """Return the identity, key and metadata of a run.

        Raises:
            RunError: there is no such run; the message suggests similar names.
        """
        return {k: copy.deepcopy(v) for k, v in self._entry(run).items() if k not in STORED}

    def metrics(self, run: str) -> dict[str, Metric]:
        """Return the metrics of a run; raises as `config` does."""
        stored = {name: Metric(**item) for name, item in self._entry(run)["metrics"].items()}
        return {**stored, **self.remade.get(run, {})}

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
            if run.endswith("differences"):
                metrics = self.metrics(run)
                if wanted in metrics:
                    self.references.append(wanted)
                    return metrics[wanted]
                known += metrics
        raise RunError(f"no notebook stored the difference {wanted!r}{did_you_mean(wanted, known)}")

    def _entry(self, run: str) -> Entry:
        group, _, name = run.partition("/")
        entry = read_runs(self.root / group).get(name) if group not in ("", "..") else None
        if entry is None:
            raise RunError(f"there is no run {run!r} in results/{did_you_mean(run, self.names())}")
        return entry


def made_by(config: Mapping[str, Any]) -> str:
    """Return which code made a run: its commit, or the hash of the code if none was recorded."""
    kind = "commit" if config.get("commit") else "code"
    return f"{kind} {config[kind][:7]}" if config.get(kind) else "unknown code"


def read_runs(folder: Path) -> Mapping[str, Entry]:
    """Return the finished runs of a group by name; none if it has no runs.json.

    The content is kept while the file is unchanged, and shared: copy what you change.

    Raises:
        RunError: the file is damaged, or the folder has the format of an earlier version.
    """
    path = folder / RUNS
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if next(folder.glob("*/config.json"), None):
            raise RunError(
                f"{folder} has a folder for each run, the format of an earlier version: take "
                "results/ of this version from git, or delete the folder and make its runs again"
            ) from None
        return {}
    return _read_runs(path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=64)
def _read_runs(path: Path, _: tuple[int, ...]) -> dict[str, Entry]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {
                **{key: value for key, value in entry.items() if key != "provenance"},
                **content["provenance"][entry["provenance"]],
                "data": content["data"][entry["data"]],
            }
            for name, entry in content["runs"].items()
        }
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error!r}): restore it, such as with git") from error


def read_history(root: Path, run: str) -> list[dict[str, str]]:
    """Return the rows of a run's history, with its own columns only; none if it has none."""
    group, _, name = run.partition("/")
    entry = read_runs(root / group).get(name, {})
    if "history" not in entry:
        return []
    stored = read_histories(root / group / HISTORIES_FILE)
    rows = stored.get(staged_label(name, entry), stored.get(name))
    if rows is None:
        raise RunError(f"{root / group / HISTORIES_FILE} lacks the run {name!r}: make it again")
    return [{column: row.get(column, "") for column in entry["history"]} for row in rows]


def read_histories(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of all runs in a file of histories, by the label in the first column."""
    if not path.exists():
        return {}
    stat = path.stat()
    return _read_histories(path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=64)
def _read_histories(path: Path, _: tuple[int, ...]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        _label, *columns = next(lines)
        for label, *cells in lines:
            found.setdefault(label, []).append(dict(zip(columns, cells, strict=True)))
    return found


def staged_label(name: str, entry: Entry) -> str:
    """Return the label of the rows of this version of a run, while those of another are there."""
    return f"{name}/{hash_json(entry)[:16]}"


def difference_name(reference: str) -> str:
    """Return `run - baseline:metric` with the spacing under which it is stored."""
    runs, colon, metric = reference.strip().rpartition(":")
    run, minus, baseline = (part.strip() for part in runs.partition(" - "))
    if not (colon and minus and run and baseline and metric):
        raise RunError(f"{reference!r} is not of the form run - baseline:metric")
    return f"{run} - {baseline}:{metric}"
