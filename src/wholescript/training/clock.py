"""The seconds that the epochs of a training take, kept across kills."""

import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from wholescript.files import write_atomic
from wholescript.training.loop import Row

Tell = Callable[[Row], None]


class EpochClock:
    """The seconds of each epoch after `before` others, in a file so that they survive a kill."""

    def __init__(self, path: Path | None, before: int) -> None:
        self._path, self._before, self._since = path, before, perf_counter()
        there = path is not None and path.exists()
        self._seconds: dict[str, float] = json.loads(path.read_text()) if path and there else {}

    def tick(self, row: Row) -> None:
        """Note the end of an epoch."""
        now = perf_counter()
        self._seconds[str(row["epoch"])] = round(now - self._since, 3)
        self._since = now
        if self._path:
            write_atomic(self._path, json.dumps(self._seconds))

    def telling(self, on_epoch: Tell | None, also: Row | None = None) -> Tell:
        """Return what the loop is to call: it notes the end of an epoch, and tells `on_epoch`.

        The row that is told has the columns `also` before its own.
        """

        def ended(row: Row) -> None:
            self.tick(row)
            if on_epoch:
                on_epoch({**(also or {}), **self.timed(row)})

        return ended

    def timed(self, row: Row) -> Row:
        """Return a row with the number of its epoch among all, and its seconds."""
        # A kill between the checkpoint of an epoch and its tick takes its seconds.
        seconds = self._seconds.get(str(row["epoch"]), float("nan"))
        return {**row, "epoch": self._before + int(row["epoch"]), "seconds": seconds}
