"""Status table of trainings (progress, speed, time left) for the terminal."""

import shlex
from pathlib import Path
from typing import NamedTuple

from wholescript.experiments.progress import TrainingStatus

MINUTE, HOUR = 60, 3600


class StatusRow(NamedTuple):
    """The cells of a training in the status table, as text."""

    run: str
    state: str
    step: str
    loss: str
    val_loss: str
    speed: str
    eta: str
    checkpoint: str


def status_row(run: TrainingStatus, now: float) -> StatusRow:
    """Return the row of a training at time `now` (seconds since 1970); "" for unknown values."""
    state = f"{run.state}: {run.error}" if run.error else run.state
    progress = run.progress
    if progress is None:
        return StatusRow(run.name, state, *[""] * 6)
    running = run.state == "running"
    done = f"{progress.step:,} of {progress.steps:,}"
    pace = progress.seconds_per_step
    speed = f"{1 / pace:.2g} steps/s" if pace < 1 else f"{pace:.1f} s/step"
    return StatusRow(
        run.name,
        state,
        f"{done}, epoch {progress.epoch}",
        f"{progress.loss:.3f}",
        f"{run.history[-1]['val_loss']:.3f}" if run.history else "",
        speed if running else "",
        duration(progress.seconds_left) if running else "",
        f"{duration(now - progress.saved)} ago" if progress.saved else "none yet",
    )


def next_steps(run: TrainingStatus) -> list[str]:
    """Return what to do about a training that ended early; a command is a line of its own."""
    what = f"to resume {run.name} ({run.state})"
    if not run.directory or not run.command:
        return [f"{what}: run again what started it"]
    is_here = Path(run.directory) == Path.cwd()
    return [
        f"{what}:",
        run.command if is_here else f"cd {shlex.quote(run.directory)} && {run.command}",
    ]


def duration(seconds: float) -> str:
    """Return a duration as text, in seconds, minutes, or hours and minutes."""
    if seconds < MINUTE:
        return f"{max(seconds, 0):.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR / MINUTE:.0f} min"
