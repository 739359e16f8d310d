"""Stored runs: one folder each, finished when its config.json is there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import pandas as pd

from wholescript.errors import RunError
from wholescript.experiments.key import PARTS, Identity
from wholescript.experiments.results import Metric, Results
from wholescript.files import write_atomic

VALIDATION = "val_predictions.parquet"
HISTORY = "history.csv"


class StoredPredictions(Protocol):
    """What a run stores of single films, documents or headlines, as one Parquet file."""

    FILE: ClassVar[str]

    def write(self, path: Path) -> None:
        """Write it, atomically, the same bytes for the same values."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote; raise RunError when the file is missing or damaged."""


P = TypeVar("P", bound=StoredPredictions)


@dataclass(frozen=True)
class Run:
    """One finished run: `name` is `<group>/<name>`, `config` the content of its config.json.

    Four parts of `config` identify the experiment (`experiments.key.Identity`); the rest is
    metadata of how the run was made.
    """

    name: str
    path: Path
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
        return (self.path / kind.FILE).exists()

    def predictions(self, kind: type[P]) -> P:
        """Return the predictions of test films, documents or headlines.

        Raises:
            RunError: the run stores none of this kind, or its file is damaged.
        """
        if not self.has_predictions(kind):
            raise RunError(f"run {self.name} stores no {kind.FILE}, only metrics")
        return kind.read(self.path / kind.FILE)

    def val_predictions(self, kind: type[P]) -> P:
        """Return the predictions of validation documents; raises as `predictions` does."""
        if not (self.path / VALIDATION).exists():
            raise RunError(f"run {self.name} stores no predictions on validation")
        return kind.read(self.path / VALIDATION)

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch, or another table of the experiment; empty where there is none."""
        path = self.path / HISTORY
        return pd.read_csv(path) if path.exists() else pd.DataFrame()


@dataclass(frozen=True)
class RunStore:
    """The folder `results` of an output root: one folder a run, `<group>/<name>`."""

    root: Path

    def folder(self, name: str) -> Path:
        """Return the folder of the run called `<group>/<name>`.

        Raises:
            RunError: the name has another form.
        """
        group, _, rest = name.partition("/")
        if not group or not rest or {"/", "."} & set(group + rest):
            raise RunError(f"a run is called <group>/<name>, without dots; not {name!r}")
        return self.root / group / rest

    def find(self, name: str, identity: Identity | None = None) -> Run | None:
        """Return the finished run of that name (and identity, if one is given), else None."""
        path = self.folder(name)
        if not (path / "config.json").exists():
            return None
        config = json.loads((path / "config.json").read_text())
        if identity is not None and not identity.matches(config):
            return None
        stored = json.loads((path / "metrics.json").read_text())
        return Run(name, path, config, {k: Metric(**v) for k, v in stored.items()})

    def names(self) -> list[str]:
        """Return the names of all finished runs, sorted."""
        return Results(self.root).names()

    def save(
        self,
        name: str,
        identity: Identity,
        metrics: Mapping[str, Metric],
        *,
        metadata: Mapping[str, Any] | None = None,
        predictions: StoredPredictions | None = None,
        val_predictions: StoredPredictions | None = None,
        history: pd.DataFrame | None = None,
    ) -> Run:
        """Write a run; config.json, which marks it as finished, comes last.

        `metadata` is recorded in config.json beside the identity.
        """
        path = self.folder(name)
        (path / "config.json").unlink(missing_ok=True)
        for stale in (*path.glob("*.parquet"), path / HISTORY):
            stale.unlink(missing_ok=True)
        _write_json(path / "metrics.json", {k: m.as_dict() for k, m in metrics.items()})
        if predictions is not None:
            predictions.write(path / predictions.FILE)
        if val_predictions is not None:
            val_predictions.write(path / VALIDATION)
        if history is not None and not history.empty:
            text = history.round(6).to_csv(index=False, lineterminator="\n")
            write_atomic(path / HISTORY, text)
        config = {**(metadata or {}), **identity.as_dict(), "key": identity.key}
        _write_json(path / "config.json", config)
        run = self.find(name)
        assert run is not None
        return run

    def annotate(self, run: Run, metadata: Mapping[str, Any]) -> Run:
        """Change metadata of a stored run; its identity and key stay.

        Raises:
            RunError: a part of the identity is among them.
        """
        if taken := sorted({*metadata} & {*PARTS, "key"}):
            raise RunError(f"{', '.join(taken)} identify a run: they are no metadata to change")
        config = {**run.config, **metadata}
        _write_json(run.path / "config.json", config)
        return replace(run, config=config)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
