"""How far a training has come: a bar for who started it, a file for everyone else."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic, time

from tqdm.auto import tqdm

from wholescript.files import write_atomic

WRITE_INTERVAL_S = 2.0  # seconds between two writings of the file


@dataclass(frozen=True)
class Progress:
    """After `step` of `steps`, in `epoch`: `loss` is the mean over the epoch so far.

    `seconds_per_step` is measured since the process started, pauses for validation included.
    `updated` and `saved` are seconds since 1970, of this note and of the last checkpoint.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    seconds_per_step: float
    updated: float
    saved: float | None = None

    @property
    def seconds_left(self) -> float:
        """Seconds to the last step; a training that stops early takes less."""
        return (self.steps - self.step) * self.seconds_per_step


class ProgressMeter:
    """Tells of each step of a training of which `done` of `steps` had been taken before."""

    def __init__(self, steps: int, done: int, path: Path | None, *, show_bar: bool) -> None:
        self._bar = tqdm(total=steps, initial=done, unit="step", disable=not show_bar, leave=False)
        self._path = path
        self._done, self._start = done, monotonic()
        saved = time() if done else None
        self._now = Progress(done, steps, 0, float("nan"), float("nan"), time(), saved)
        self._written = float("-inf")

    def step(self, epoch: int, loss: float) -> None:
        """Count a step, after which the mean loss of the epoch is `loss`."""
        step = self._now.step + 1
        pace = (monotonic() - self._start) / (step - self._done)
        self._now = replace(
            self._now, step=step, epoch=epoch, loss=loss, seconds_per_step=pace, updated=time()
        )
        self._bar.update()
        self._bar.set_postfix(epoch=epoch, loss=f"{loss:.3f}")
        if monotonic() - self._written > WRITE_INTERVAL_S:
            self._write()

    def saved(self) -> None:
        """Tell that a checkpoint has been written."""
        self._now = replace(self._now, saved=time(), updated=time())
        self._write()

    def close(self) -> None:
        """Take the bar away; the file stays."""
        self._bar.close()

    def _write(self) -> None:
        if self._path:
            write_atomic(self._path, json.dumps(asdict(self._now)))
            self._written = monotonic()


def progress_path(checkpoint: Path) -> Path:
    """Return where the progress of a training lies, beside its checkpoint."""
    return checkpoint.with_suffix(".json")


def read_progress(checkpoint: Path) -> Progress | None:
    """Return how far the training of a checkpoint has come, or None where nothing tells."""
    try:
        return Progress(**json.loads(progress_path(checkpoint).read_text()))
    except (OSError, ValueError, TypeError):
        return None
