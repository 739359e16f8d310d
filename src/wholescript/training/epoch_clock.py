"""The seconds that the epochs of a training take, kept across kills."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from wholescript.files import write_atomic
from wholescript.training.checkpoint import read_note
from wholescript.training.loop import Row
from wholescript.training.progress import read_progress

Tell = Callable[[Row], None]


class EpochClock:
    """The seconds of each epoch after `before` others, in a file so that they survive a kill.

    Of an epoch that a kill broke off, the steps that its `checkpoint` holds count at the pace that
    is noted beside it: what was done after that is done again.
    """

    def __init__(self, path: Path | None, before: int, checkpoint: Path | None = None) -> None:
        self._path, self._before, self._since = path, before, perf_counter()
        there = path is not None and path.exists()
        self._seconds: dict[str, float] = json.loads(path.read_text()) if path and there else {}
        self._carried = 0.0
        progress = read_progress(checkpoint) if checkpoint else None
        note = read_note(checkpoint) if checkpoint else None
        if progress and note and math.isfinite(pace := progress.seconds_per_step):
            epochs = len(note["history"])
            self._carried = note["done"] * pace
            for epoch in range(1, epochs + 1):  # a kill may come before the tick of an epoch
                whole = (progress.step - note["done"]) / epochs
                self._seconds.setdefault(str(epoch), round(whole * pace, 3))

    @property
    def total(self) -> float:
        """The seconds of all epochs so far."""
        return sum(self._seconds.values())

    def tick(self, row: Row) -> None:
        """Note the end of an epoch."""
        now = perf_counter()
        self._seconds[str(row["epoch"])] = round(now - self._since + self._carried, 3)
        self._since, self._carried = now, 0.0
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
        seconds = self._seconds.get(str(row["epoch"]), float("nan"))
        return {**row, "epoch": self._before + int(row["epoch"]), "seconds": seconds}
