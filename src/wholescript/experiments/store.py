"""Stored runs: `<group>/<name>`, all runs of a group together in few files (`group.py`)."""

import copy
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import pandas as pd
import pyarrow as pa

from wholescript.errors import RunError
from wholescript.experiments import group
from wholescript.experiments.key import PARTS, RunIdentity
from wholescript.experiments.results import (
    HISTORIES_FILE,
    STORED,
    Metric,
    Results,
    read_history,
    read_runs,
)

VAL_PREDICTIONS_FILE = "val_predictions.parquet"


class StoredPredictions(Protocol):
    """What a run stores of single films, documents or headlines: `FILE` holds those of a group."""

    FILE: ClassVar[str]

    def to_frame(self) -> pd.DataFrame:
        """Return the table to store, with at least one row."""

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Return the predictions in a table of `to_frame`."""


P = TypeVar("P", bound=StoredPredictions)


@dataclass(frozen=True)
class Run:
    """One finished run: `name` is `<group>/<name>`, `root` the folder of its store.

    Four parts of `config` identify the experiment (`experiments.key.RunIdentity`); the rest is
    metadata: how the run was made.
    """

    name: str
    root: Path
    config: dict[str, Any]
    metrics: dict[str, Metric]

    @property
    def key(self) -> str:
        """The opaque id of the run, under which its weights are kept."""
        return str(self.config["key"])

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the experiment."""
        return dict(self.config["settings"])

    @property
    def data(self) -> dict[str, Any]:
        """The fingerprints of the data."""
        return dict(self.config["data"])

    def has_predictions(self, kind: type[StoredPredictions]) -> bool:
        """Return whether the run stores predictions of this kind."""
        return kind.FILE in self._tables

    def predictions(self, kind: type[P]) -> P:
        """Return the predictions of test films, documents or headlines.

        Raises:
            RunError: the run stores none of this kind, or its file is damaged.
        """
        if not self.has_predictions(kind):
            raise RunError(f"run {self.name} stores no {kind.FILE}, only metrics")
        return kind.from_frame(self._table(kind.FILE).to_pandas())

    def val_predictions(self, kind: type[P]) -> P:
        """Return the predictions of validation documents; raises as `predictions` does."""
        if VAL_PREDICTIONS_FILE not in self._tables:
            raise RunError(f"run {self.name} stores no predictions on validation")
        return kind.from_frame(self._table(VAL_PREDICTIONS_FILE).to_pandas())

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch, or another table of the experiment; empty where there is none."""
        rows = read_history(self.root, self.name)
        if not rows:
            return pd.DataFrame()
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text.seek(0)
        return pd.read_csv(text)

    @property
    def _tables(self) -> list[str]:
        folder, name = _place(self.root, self.name)
        return list(read_runs(folder).get(name, {}).get("tables", []))

    def _table(self, file: str) -> pa.Table:
        return group.read_table(*_place(self.root, self.name), file)

    def _parts(self) -> dict[str, group.Part]:
        parts: dict[str, group.Part] = {file: self._table(file) for file in self._tables}
        history = read_history(self.root, self.name)
        return {**parts, HISTORIES_FILE: history} if history else parts


@dataclass(frozen=True)
class RunStore:
    """The folder `results` of an output root; a run is called `<group>/<name>`."""

    root: Path

    def find(self, name: str, identity: RunIdentity | None = None) -> Run | None:
        """Return the finished run of that name (and identity, if one is given), else None.

        Raises:
            RunError: the name has another form, or the folder is of an earlier version.
        """
        folder, short = _place(self.root, name)
        entry = read_runs(folder).get(short)
        if entry is None or (identity is not None and not identity.matches(entry)):
            return None
        config = {key: value for key, value in entry.items() if key not in STORED}
        metrics = {key: Metric(**value) for key, value in entry["metrics"].items()}
        return Run(name, self.root, copy.deepcopy(config), metrics)

    def names(self, kind: type[StoredPredictions] | None = None) -> list[str]:
        """Return the names of all finished runs, or those with predictions of a kind, sorted."""
        names = Results(self.root).names()
        return [name for name in names if kind is None or kind.FILE in self._tables(name)]

    def save(
        self,
        name: str,
        identity: RunIdentity,
        metrics: Mapping[str, Metric],
        *,
        metadata: Mapping[str, Any] | None = None,
        predictions: StoredPredictions | None = None,
        val_predictions: StoredPredictions | None = None,
        history: pd.DataFrame | None = None,
    ) -> Run:
        """Store a run; one of the same name is replaced.

        `metadata` is recorded beside the identity. Histories have six decimals.

        Raises:
            RunError: the name has another form, or metadata has a name of the format's own.
        """
        folder, short = _place(self.root, name)
        if taken := sorted({*(metadata or {})} & {*STORED, "provenance"}):
            raise RunError(f"metadata of {name} cannot be called {', '.join(taken)}: rename it")
        parts: dict[str, group.Part] = {}
        if predictions is not None:
            parts[predictions.FILE] = _to_table(predictions)
        if val_predictions is not None:
            parts[VAL_PREDICTIONS_FILE] = _to_table(val_predictions)
        entry = {
            **(metadata or {}),
            **identity.as_dict(),
            "key": identity.key,
            "metrics": {key: metric.as_dict() for key, metric in metrics.items()},
        }
        if parts:
            entry["tables"] = sorted(parts)
        if history is not None and not history.empty:
            text = history.round(6).to_csv(index=False, lineterminator="\n")
            rows = list(csv.DictReader(io.StringIO(text, newline="")))
            entry["history"], parts[HISTORIES_FILE] = list(rows[0]), rows
        group.put_run(folder, short, entry, parts)
        run = self.find(name)
        assert run is not None
        return run

    def add(self, run: Run) -> None:
        """Store a run of another store, as it is there."""
        folder, short = _place(run.root, run.name)
        group.put_run(_place(self.root, run.name)[0], short, read_runs(folder)[short], run._parts())

    def annotate(self, run: Run, metadata: Mapping[str, Any]) -> Run:
        """Change metadata of a stored run; its identity and key stay.

        Raises:
            RunError: the metadata has a part of the identity.
        """
        if taken := sorted({*metadata} & {*PARTS, "key", *STORED, "provenance"}):
            raise RunError(f"{', '.join(taken)} identify a run and cannot be changed")
        group.change_metadata(*_place(self.root, run.name), metadata)
        changed = self.find(run.name)
        assert changed is not None
        return changed

    def _tables(self, name: str) -> list[str]:
        folder, short = _place(self.root, name)
        return list(read_runs(folder)[short].get("tables", []))


def _place(root: Path, name: str) -> tuple[Path, str]:
    """Return the folder of the group and the name in it, of the run called `<group>/<name>`."""
    folder, _, short = name.partition("/")
    if not folder or not short or {"/", "."} & set(folder + short):
        raise RunError(f"a run is called <group>/<name>, without dots; not {name!r}")
    return root / folder, short


def _to_table(predictions: StoredPredictions) -> pa.Table:
    """Return the table to store, with the types that Parquet gives back."""
    table = pa.Table.from_pandas(predictions.to_frame(), preserve_index=False)
    categories = {
        field.name: pa.dictionary(field.type.index_type, pa.string())
        for field in table.schema
        if pa.types.is_dictionary(field.type)
    }
    types = [(field.name, categories.get(field.name, field.type)) for field in table.schema]
    return table.cast(pa.schema(types))
