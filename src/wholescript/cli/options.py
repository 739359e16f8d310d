"""What commands on classifiers of texts share: arguments, the set, the store, tables."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from wholescript.cli.base import out

Data = Annotated[str, typer.Argument(metavar="DATA", help="A prepared set, by name or folder.")]
Labels = Annotated[str, typer.Option(help="label, or a column kept by prepare --keep.")]
Store = Annotated[Path | None, typer.Option(help="Folder of the runs; default _build/texts.")]


def load_labelled(data: str) -> Any:
    """Read a prepared set by its name or its folder."""
    from wholescript.data.labelled import read_labelled_dataset
    from wholescript.project import Project

    folder = Path(data)
    return read_labelled_dataset(folder if folder.is_dir() else Project().build / "labelled" / data)


def open_run_store(folder: Path | None) -> Any:
    """Open a folder of runs."""
    return open_workspace(folder).store


def open_workspace(folder: Path | None) -> Any:
    """Open the workspace whose runs are stored in a folder."""
    from wholescript.experiments.store import RunStore
    from wholescript.experiments.workspace import Workspace
    from wholescript.project import Project

    project = Project()
    return Workspace(project, RunStore(folder or project.build / "texts"))


def print_run(run: Any) -> None:
    """Print what a run reached."""
    accuracy, macro = run.metrics["accuracy"], run.metrics["macro_f1"]
    out.print(
        f"{run.name}: accuracy {accuracy.value:.4f} ({accuracy.low:.4f} to {accuracy.high:.4f}), "
        f"macro-F1 {macro.value:.4f}, {run.metrics['train_seconds'].value:.1f} s",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def print_epoch(row: dict[str, float | int]) -> None:
    """Print the row of an epoch."""
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items())
    out.print(words, markup=False, highlight=False, soft_wrap=True)


def print_table(frame: Any, title: str) -> None:
    """Print a frame as a table."""
    table = Table(*map(str, frame.columns), title=title, title_justify="left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{v:,.4f}" if isinstance(v, float) else str(v) for v in row))
    out.print(table)
