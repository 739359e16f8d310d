"""Stored runs: one folder each, addressed by content, finished when its config.json is there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from wholescript.errors import RunError
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.evaluation.packed import pack, unpack
from wholescript.evaluation.predictions import Predictions
from wholescript.evaluation.title_losses import TitleLosses
from wholescript.files import write_atomic
from wholescript.report.results import Metric, Results

FILMS = "films.parquet"
CLASS_PREDICTIONS = "predictions.parquet"
ON_VALIDATION = "validation.parquet"
TITLES = "titles.parquet"


@dataclass(frozen=True)
class Run:
    """One finished run: `name` is `<group>/<name>`, `config` the content of its config.json."""

    name: str
    path: Path
    config: dict[str, Any]
    metrics: dict[str, Metric]

    @property
    def key(self) -> str:
        """The hash of everything that decides the result."""
        return str(self.config["key"])

    @property
    def predictions(self) -> Predictions:
        """The out-of-fold predictions.

        Raises:
            RunError: the run stores metrics only.
        """
        path = self.path / FILMS
        if not path.exists():
            raise RunError(f"run {self.name} stores no predictions, only metrics")
        return Predictions.from_frame(unpack(path))

    @property
    def class_predictions(self) -> ClassPredictions:
        """What a classifier of texts says of the test texts.

        Raises:
            RunError: the run stores none, or its file is damaged.
        """
        return ClassPredictions.read(self.path / CLASS_PREDICTIONS)

    @property
    def on_validation(self) -> ClassPredictions:
        """What a classifier of texts says of the validation texts.

        Raises:
            RunError: the run stores none, or its file is damaged.
        """
        return ClassPredictions.read(self.path / ON_VALIDATION)

    @property
    def title_losses(self) -> TitleLosses:
        """How well a model of titles predicts each validation title.

        Raises:
            RunError: the run stores none, or its file is damaged.
        """
        return TitleLosses.read(self.path / TITLES)

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch of each fold; empty for models that have no epochs."""
        path = self.path / "history.csv"
        return pd.read_csv(path) if path.exists() else pd.DataFrame()


@dataclass(frozen=True)
class RunStore:
    """The folder `results` of an output root."""

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

    def find(self, name: str, key: str | None = None) -> Run | None:
        """Return the finished run of that name (and key, if one is given), else None."""
        path = self.folder(name)
        if not (path / "config.json").exists():
            return None
        config = json.loads((path / "config.json").read_text())
        if key is not None and config["key"] != key:
            return None
        stored = json.loads((path / "metrics.json").read_text())
        return Run(name, path, config, {k: Metric(**v) for k, v in stored.items()})

    def names(self) -> list[str]:
        """Return the names of all finished runs, sorted."""
        return Results(self.root).names()

    def save(
        self,
        name: str,
        config: Mapping[str, Any],
        metrics: Mapping[str, Metric],
        predictions: Predictions | ClassPredictions | TitleLosses | None = None,
        history: pd.DataFrame | None = None,
        on_validation: ClassPredictions | None = None,
    ) -> Run:
        """Write a run; config.json, which marks it as finished, comes last."""
        path = self.folder(name)
        for file in ("config.json", FILMS, CLASS_PREDICTIONS, ON_VALIDATION, TITLES, "history.csv"):
            (path / file).unlink(missing_ok=True)
        _write_json(path / "metrics.json", {k: m.as_dict() for k, m in metrics.items()})
        match predictions:
            case Predictions():
                pack(predictions.to_frame().round(6), path / FILMS)
            case ClassPredictions():
                predictions.write(path / CLASS_PREDICTIONS)
            case TitleLosses():
                predictions.write(path / TITLES)
        if on_validation is not None:
            on_validation.write(path / ON_VALIDATION)
        if history is not None and not history.empty:
            text = history.round(6).to_csv(index=False, lineterminator="\n")
            write_atomic(path / "history.csv", text)
        _write_json(path / "config.json", config)
        run = self.find(name)
        assert run is not None
        return run

    def annotate(self, run: Run, facts: Mapping[str, Any]) -> Run:
        """Change facts of a run's config.json that are no part of its key."""
        config = {**run.config, **facts}
        _write_json(run.path / "config.json", config)
        return replace(run, config=config)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
