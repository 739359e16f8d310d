"""The result of a search as it is stored: plain JSON, which is read without Ray."""

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
    """One trial: what was drawn, and a row an epoch of `epoch`, `held_out_loss`, `held_out_auc`.

    `inactive` names the drawn choices that the architecture does not have. A trial that failed has
    an `error`, and the rows before it.
    """

    config: dict[str, Any]
    inactive: list[str]
    history: list[HistoryRow]
    error: str | None = None


@dataclass(frozen=True)
class SearchResult:
    """A finished search: the space and its protocol, on which films, and every trial in order."""

    space: dict[str, Any]
    data: dict[str, str]
    n_films: int
    versions: dict[str, str]
    trials: list[Trial] = field(repr=False)

    @property
    def hyperparameters(self) -> dict[str, bool]:
        """The names of the choices, and whether each was drawn on a logarithmic scale."""
        drawn = self.space["choices"].items()
        return {name: isinstance(c, dict) and c["scale"] == "log" for name, c in drawn}

    @property
    def scored(self) -> list[Trial]:
        """The trials that got a score."""
        return [trial for trial in self.trials if trial.history]

    @property
    def best(self) -> Trial:
        """The trial with the lowest held-out loss."""
        return min(self.scored, key=lambda trial: trial.history[-1]["held_out_loss"])

    def table(self) -> pd.DataFrame:
        """Return a row a trial that was judged: its choices, and its last row of scores."""
        return pd.DataFrame([trial.config | trial.history[-1] for trial in self.scored])

    def active_table(self) -> pd.DataFrame:
        """Return the table with gaps where a choice was ignored."""
        table = self.table()
        for row, trial in enumerate(self.scored):
            table.loc[row, trial.inactive] = None
        return table


def write_search(search: SearchResult, path: Path) -> None:
    """Write a search atomically; the same search gives the same bytes."""
    write_atomic(path, json.dumps(asdict(search), indent=1, ensure_ascii=False) + "\n")


def read_search(path: Path) -> SearchResult:
    """Read a search.

    Raises:
        RunError: there is no such file, or it holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        trials = [Trial(**trial) for trial in content.pop("trials")]
        return SearchResult(**content, trials=trials)
    except OSError:
        raise RunError(f"there is no search {path.name}: `wholescript tune` writes one") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(
            f"{path.name} is not a search that `wholescript tune` wrote: {error}"
        ) from None
