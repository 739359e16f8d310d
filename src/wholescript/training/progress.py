"""Progress of a training: a progress bar, and a file that other processes can read."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic, time
from typing import Any

import safetensors
from tqdm import tqdm

from wholescript.files import write_atomic

METADATA_KEY = "training_state"
WRITE_INTERVAL_S = 2.0  # least seconds between two writes of the file


@dataclass(frozen=True)
class Progress:
    """The state after `step` of `steps`; `loss` is the mean training loss of `epoch` so far.

    `seconds_per_step` is the mean since the process started, validation included. `updated` and
    `saved` are the times of this record and of the last checkpoint, in seconds since 1970.
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
        """Estimated seconds until the last step, without early stopping."""
        return (self.steps - self.step) * self.seconds_per_step


class ProgressMeter:
    """Reports the steps of a training that starts, or resumes, at `initial_step` of `steps`."""

    def __init__(self, steps: int, initial_step: int, path: Path | None, *, show_bar: bool) -> None:
        self._bar = tqdm(
            total=steps, initial=initial_step, unit="step", disable=not show_bar, leave=False
        )
        self._path = path
        self._initial_step, self._start = initial_step, monotonic()
        saved = time() if initial_step else None
        self._now = Progress(initial_step, steps, 0, float("nan"), float("nan"), time(), saved)
        self._written = float("-inf")

    def step(self, epoch: int, loss: float) -> None:
        """Count a step; `loss` is the mean loss of the epoch so far."""
        step = self._now.step + 1
        step_s = (monotonic() - self._start) / (step - self._initial_step)
        self._now = replace(
            self._now, step=step, epoch=epoch, loss=loss, seconds_per_step=step_s, updated=time()
        )
        self._bar.update()
        self._bar.set_postfix(epoch=epoch, loss=f"{loss:.3f}", refresh=False)
        if monotonic() - self._written > WRITE_INTERVAL_S:
            self._write()

    def saved(self) -> None:
        """Record that a checkpoint has been written."""
        self._now = replace(self._now, saved=time(), updated=time())
        self._write()

    def close(self) -> None:
        """Remove the bar; the file stays."""
        self._bar.close()

    def _write(self) -> None:
        if self._path:
            write_atomic(self._path, json.dumps(asdict(self._now)))
            self._written = monotonic()


def progress_path(checkpoint: Path) -> Path:
    """Return the path of the progress file that belongs to a checkpoint."""
    return checkpoint.with_suffix(".json")


def read_progress(checkpoint: Path) -> Progress | None:
    """Return the progress of the training of a checkpoint, or None if it is absent or damaged."""
    try:
        return Progress(**json.loads(progress_path(checkpoint).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def read_metadata(path: Path) -> dict[str, Any] | None:
    """Return the metadata of a checkpoint; None if it is absent, damaged or of an old format."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return dict(json.loads(file.metadata()[METADATA_KEY]))
    except (FileNotFoundError, KeyError, safetensors.SafetensorError):
        return None
