"""Wall-clock seconds of each epoch, kept in a file so that a resumed training has all of them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from wholescript.files import write_atomic
from wholescript.training.loop import HistoryRow
from wholescript.training.progress import read_metadata, read_progress

EpochCallback = Callable[[HistoryRow], None]


class EpochTimer:
    """Times epochs; `n_previous_epochs` is added to their numbers (those of an earlier phase).

    If an epoch was interrupted, the steps in `checkpoint` count with the mean seconds per step of
    the progress file: the steps after the checkpoint are done again, and timed then.
    """

    def __init__(
        self, path: Path | None, n_previous_epochs: int, checkpoint: Path | None = None
    ) -> None:
        self._path, self._n_previous_epochs, self._since = path, n_previous_epochs, perf_counter()
        exists = path is not None and path.exists()
        self._seconds: dict[str, float] = json.loads(path.read_text()) if path and exists else {}
        self._seconds_before_kill = 0.0
        progress = read_progress(checkpoint) if checkpoint else None
        metadata = read_metadata(checkpoint) if checkpoint else None
        if progress and metadata and math.isfinite(step_s := progress.seconds_per_step):
            n_epochs = len(metadata["history"])
            self._seconds_before_kill = metadata["steps_done"] * step_s
            for epoch in range(1, n_epochs + 1):  # an epoch may have ended without being recorded
                epoch_steps = (progress.step - metadata["steps_done"]) / n_epochs
                self._seconds.setdefault(str(epoch), round(epoch_steps * step_s, 3))

    @property
    def total(self) -> float:
        """Seconds of all epochs so far."""
        return sum(self._seconds.values())

    def record(self, row: HistoryRow) -> None:
        """Record the end of the epoch `row["epoch"]`."""
        now = perf_counter()
        self._seconds[str(row["epoch"])] = round(now - self._since + self._seconds_before_kill, 3)
        self._since, self._seconds_before_kill = now, 0.0
        if self._path:
            write_atomic(self._path, json.dumps(self._seconds))

    def epoch_callback(
        self, on_epoch_end: EpochCallback | None, extra_columns: HistoryRow | None = None
    ) -> EpochCallback:
        """Return a callback for `fit` that records each epoch, then calls `on_epoch_end`.

        The row passed on has the columns `extra_columns` first, and a column `seconds`.
        """

        def callback(row: HistoryRow) -> None:
            self.record(row)
            if on_epoch_end:
                on_epoch_end({**(extra_columns or {}), **self.with_seconds(row)})

        return callback

    def with_seconds(self, row: HistoryRow) -> HistoryRow:
        """Return a row with its epoch counted from the first phase, and a column `seconds`."""
        seconds = self._seconds.get(str(row["epoch"]), float("nan"))
        return {**row, "epoch": self._n_previous_epochs + int(row["epoch"]), "seconds": seconds}
