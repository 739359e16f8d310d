"""Options that several commands share, and the objects they open."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import echo, out

DEFAULT_TARGET = "nominated_for_writing"

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="Data set written by `prepare`: name or folder.")
]
LabelColumn = Annotated[
    str, typer.Option(help="Training labels: label, or a column kept by `prepare --keep-column`.")
]
Store = Annotated[Path | None, typer.Option(help="Folder of stored runs; default: _build/results.")]
FilmsPath = Annotated[
    Path | None,
    typer.Option(help="Parquet file (source local), or local copy of the hub data set."),
]
FilmsSource = Annotated[str, typer.Option(help="Source of the films: bundled | local | hub.")]
ScriptsSource = Annotated[str, typer.Option(help="Source of the screenplays: local | hub.")]
RayAddress = Annotated[
    str | None, typer.Option(help="Address of a running Ray cluster; default: this machine.")
]
Workers = Annotated[
    int | None, typer.Option(help="Number of local processes; default: one per core.")
]


def load_labelled(data: str) -> Any:
    """Read a prepared data set by its name or folder."""
    from wholescript.data.labelled import read_labelled_dataset
    from wholescript.project import Project

    folder = Path(data)
    return read_labelled_dataset(folder if folder.is_dir() else Project().build / "labelled" / data)


def open_run_store(folder: Path | None) -> Any:
    """Open a folder of stored runs, by default _build/results."""
    return open_workspace(folder).store


def open_workspace(folder: Path | None) -> Any:
    """Open the workspace that stores runs in a folder, by default _build/results."""
    from wholescript.experiments.store import RunStore
    from wholescript.experiments.workspace import Workspace
    from wholescript.project import Project

    project = Project()
    return Workspace(project, RunStore(folder or project.build / "results"))


def print_run(run: Any) -> None:
    """Print the metrics of a run of a document classifier."""
    accuracy, macro_f1 = run.metrics["accuracy"], run.metrics["macro_f1"]
    echo(
        f"{run.name}: accuracy {accuracy.value:.4f} ({accuracy.low:.4f} to {accuracy.high:.4f}), "
        f"macro-F1 {macro_f1.value:.4f}, {run.metrics['train_seconds'].value:,.1f} s"
    )


def print_epoch(row: dict[str, float | int]) -> None:
    """Print a row of the training history."""
    echo(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items()))


def print_table(frame: Any, title: str) -> None:
    """Print a data frame as a table."""
    table = Table(*map(str, frame.columns), title=title, title_justify="left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{v:,.4f}" if isinstance(v, float) else str(v) for v in row))
    out.print(table)
