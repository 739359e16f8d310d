"""The seconds that the epochs of a training take, kept across kills."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from wholescript.files import write_atomic
from wholescript.training.checkpoint import read_metadata
from wholescript.training.loop import HistoryRow
from wholescript.training.progress import read_progress

EpochCallback = Callable[[HistoryRow], None]


class EpochTimer:
    """The seconds of each epoch after `n_previous_epochs` others, in a file so that they survive a kill.

    Of an epoch that a kill broke off, the steps that its `checkpoint` holds count at the pace that
    is noted beside it: what was done after that is done again.
    """

    def __init__(
        self, path: Path | None, n_previous_epochs: int, checkpoint: Path | None = None
    ) -> None:
        self._path, self._n_previous_epochs, self._since = path, n_previous_epochs, perf_counter()
        there = path is not None and path.exists()
        self._seconds: dict[str, float] = json.loads(path.read_text()) if path and there else {}
        self._carried = 0.0
        progress = read_progress(checkpoint) if checkpoint else None
        metadata = read_metadata(checkpoint) if checkpoint else None
        if progress and metadata and math.isfinite(pace := progress.seconds_per_step):
            epochs = len(metadata["history"])
            self._carried = metadata["done"] * pace
            for epoch in range(1, epochs + 1):  # a kill may come before the tick of an epoch
                whole = (progress.step - metadata["done"]) / epochs
                self._seconds.setdefault(str(epoch), round(whole * pace, 3))

    @property
    def total(self) -> float:
        """The seconds of all epochs so far."""
        return sum(self._seconds.values())

    def record(self, row: HistoryRow) -> None:
        """Note the end of an epoch."""
        now = perf_counter()
        self._seconds[str(row["epoch"])] = round(now - self._since + self._carried, 3)
        self._since, self._carried = now, 0.0
        if self._path:
            write_atomic(self._path, json.dumps(self._seconds))

    def epoch_callback(
        self, on_epoch_end: EpochCallback | None, extra_columns: HistoryRow | None = None
    ) -> EpochCallback:
        """Return what the loop is to call: it notes the end of an epoch, and tells `on_epoch_end`.

        The row that is told has the columns `extra_columns` before its own.
        """

        def ended(row: HistoryRow) -> None:
            self.record(row)
            if on_epoch_end:
                on_epoch_end({**(extra_columns or {}), **self.with_seconds(row)})

        return ended

    def with_seconds(self, row: HistoryRow) -> HistoryRow:
        """Return a row with the number of its epoch among all, and its seconds."""
        seconds = self._seconds.get(str(row["epoch"]), float("nan"))
        return {**row, "epoch": self._n_previous_epochs + int(row["epoch"]), "seconds": seconds}
