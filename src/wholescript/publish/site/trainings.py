"""Trainings as people read them: how far, how fast, how long still, in a terminal or a browser."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from wholescript.experiments.progress import TrainingStatus

MINUTE, HOUR = 60, 3600


class StatusRow(NamedTuple):
    """A training in words, its columns as they are titled."""

    run: str
    state: str
    step: str
    loss: str
    held_out: str
    speed: str
    left: str
    checkpoint: str


def shown(run: TrainingStatus, now: float) -> StatusRow:
    """Return a training in words, as of `now`, in seconds since 1970; "" where nothing is known."""
    state = f"{run.state}: {run.error}" if run.error else run.state
    progress = run.progress
    if progress is None:
        return StatusRow(run.name, state, *[""] * 6)
    running = run.state == "running"
    done = f"{progress.step:,} of {progress.steps:,}"
    pace = progress.seconds_per_step
    speed = f"{1 / pace:.2g} a second" if pace < 1 else f"{pace:.1f} s each"
    return StatusRow(
        run.name,
        state,
        f"{done}, epoch {progress.epoch}",
        f"{progress.loss:.3f}",
        f"{run.history[-1]['held_out_loss']:.3f}" if run.history else "",
        speed if running else "",
        duration(progress.seconds_left) if running else "",
        f"{duration(now - progress.saved)} ago" if progress.saved else "none yet",
    )


def duration(seconds: float) -> str:
    """Return a time in the two largest units that it has."""
    if seconds < MINUTE:
        return f"{max(seconds, 0):.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR / MINUTE:.0f} min"


def render_status(runs: Sequence[TrainingStatus]) -> str:
    """Return the trainings as a piece of HTML, to be set into a page that is being served."""
    environment = Environment(
        loader=PackageLoader("wholescript.publish.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    now = time.time()
    rows = [(run, shown(run, now)) for run in runs]
    return environment.get_template("trainings.html").render(rows=rows)
