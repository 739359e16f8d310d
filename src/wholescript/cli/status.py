"""`wholescript status`: the trainings of this checkout, or what this machine has."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from wholescript.cli.output import EN_DASH, echo, out, print_rows
from wholescript.printable import printable

if TYPE_CHECKING:
    from wholescript.experiments.progress import TrainingStatus

MAX_FINISHED = 10  # finished trainings that are shown
FULL_WIDTH = 110  # columns of a terminal that has room for all columns of the table
ONLY_WIDE = ("loss", "val_loss", "speed", "checkpoint")


def status(
    *,
    watch: Annotated[
        bool, Parameter(negative=(), help="Refresh every two seconds until Ctrl-C.")
    ] = False,
    show_all: Annotated[
        bool,
        Parameter(
            name="--all", negative=(), help=f"Show all finished trainings, not {MAX_FINISHED}."
        ),
    ] = False,
    machine: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Show what this machine has (GPU, memory, encoder, ...) and what is missing.",
        ),
    ] = False,
) -> None:
    """Show the trainings: running, interrupted, failed or finished, and how to resume them."""
    from rich.live import Live

    from wholescript.experiments.progress import list_stopped, list_trainings
    from wholescript.experiments.training_status import next_steps
    from wholescript.project import Project

    if machine:
        _print_machine()
        return
    if not watch:
        runs = list_trainings(Project())
        out.print(_overview(runs, show_all))
        for run in list_stopped(runs):
            for line in next_steps(run):
                echo(printable(line))  # not wrapped: a command is copied whole
        return
    with Live(console=out, auto_refresh=False) as live:
        while True:
            live.update(_overview(list_trainings(Project()), show_all), refresh=True)
            time.sleep(2)


def _print_machine() -> None:
    from wholescript.cli.machine import machine_facts
    from wholescript.project import Project
    from wholescript.training.hardware import this_machine

    rows = [
        (name, found or "no", without)
        for name, found, without in machine_facts(this_machine(), Project().root)
    ]
    print_rows(["item", "here", "what its absence costs"], rows, "this machine")


def _overview(runs: "Sequence[TrainingStatus]", show_all: bool) -> Any:
    """Return the table of trainings."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from wholescript.experiments.training_status import StatusRow, status_row

    now = time.time()
    if not runs:
        return Text("no training yet: start one with `wholescript train`")
    is_wide = out.width >= FULL_WIDTH
    columns = [name for name in StatusRow._fields if is_wide or name not in ONLY_WIDE]
    table = Table(title="trainings, newest first", title_justify="left")
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    finished = [run for run in runs if run.state == "finished"]
    hidden = set() if show_all else {run.folder for run in finished[MAX_FINISHED:]}
    for run in (run for run in runs if run.folder not in hidden):
        row = status_row(run, now)
        table.add_row(*(Text(printable(getattr(row, name)) or EN_DASH) for name in columns))
    more = [f"{len(hidden)} older finished trainings: show them with --all"] if hidden else []
    return Group(table, *map(Text, more))
