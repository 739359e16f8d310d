"""The stored result of a search: JSON, readable without Ray."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from wholescript.errors import RunError
from wholescript.files import write_atomic
from wholescript.training.loop import HistoryRow


@dataclass(frozen=True)
class Trial:
    """One trial: its hyperparameters, and a row of `epoch`, `val_loss`, `val_auc` per epoch.

    `inactive` names the hyperparameters that the architecture does not have. A failed trial has an
    `error`, and the rows before it.
    """

    config: dict[str, Any]
    inactive: list[str]
    history: list[HistoryRow]
    error: str | None = None


@dataclass(frozen=True)
class SearchResult:
    """A finished search: the space, the identity of the films, library versions, all trials."""

    space: dict[str, Any]
    data: dict[str, str]
    n_films: int
    versions: dict[str, str]
    trials: list[Trial] = field(repr=False)

    @property
    def is_log_scale(self) -> dict[str, bool]:
        """Whether each hyperparameter has a logarithmic scale, by name."""
        return {
            name: isinstance(values, dict) and values["scale"] == "log"
            for name, values in self.space["hyperparameters"].items()
        }

    @property
    def scored(self) -> list[Trial]:
        """The trials with at least one epoch."""
        return [trial for trial in self.trials if trial.history]

    @property
    def best(self) -> Trial:
        """The trial with the lowest validation loss."""
        return min(self.scored, key=lambda trial: trial.history[-1]["val_loss"])

    def table(self) -> pd.DataFrame:
        """Return a row for each scored trial: hyperparameters and the scores of its last epoch."""
        return pd.DataFrame([trial.config | trial.history[-1] for trial in self.scored])

    def active_table(self) -> pd.DataFrame:
        """Return the table with missing values for inactive hyperparameters."""
        table = self.table()
        for row, trial in enumerate(self.scored):
            table.loc[row, trial.inactive] = None
        return table


def write_search(search: SearchResult, path: Path) -> None:
    """Write a search atomically, with the same bytes for the same search."""
    write_atomic(path, json.dumps(asdict(search), indent=1, ensure_ascii=False) + "\n")


def read_search(path: Path) -> SearchResult:
    """Read a search.

    Raises:
        RunError: there is no such file, or it is not a search.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        trials = [Trial(**trial) for trial in content.pop("trials")]
        return SearchResult(**content, trials=trials)
    except OSError:
        raise RunError(f"there is no search {path.name}: `wholescript tune` makes one") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{path.name} is not a search of `wholescript tune`: {error}") from None
