"""Options that several commands share, and the objects they open."""

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from wholescript.cli.output import echo
from wholescript.settings import PositiveInt, Seed
from wholescript.training.hardware import Device

PARAMETER_OPTION = ("--parameter", "-p")  # of a notebook: a name and a value
DEFAULT_TARGET = "nominated_for_writing"

Data = Annotated[str, Parameter(help="Data set written by `data prepare`: name or folder.")]
LabelColumn = Annotated[
    str,
    Parameter(help="Training labels: label, or a column kept by `data prepare --keep-column`."),
]
Store = Annotated[Path | None, Parameter(help="Folder of stored runs; default: _build/results.")]
Config = Annotated[
    Path | None, Parameter(help="YAML file with options, such as `epochs: 3`; the shell wins.")
]
Encoding = Annotated[str, Parameter(help="Character encoding of local text files.")]
Delimiter = Annotated[
    str | None,
    Parameter(help="Character between the fields of CSV and TSV, or tab; default: detected."),
]
Quotes = Annotated[
    Literal["doubled", "backslash", "none"] | None,  # delimited.Quoting, which imports pandas
    Parameter(
        help='How CSV and TSV write a quotation mark inside a text: "", \\", or without quoting; '
        "default: detected."
    ),
]
Top = Annotated[PositiveInt, Parameter(help="Number of rows to show.")]
DeviceOption = Annotated[
    Device | None,
    Parameter(name="--device", help="Device of the training; default: WHOLESCRIPT_DEVICE or auto."),
]
EmbeddingDevice = Annotated[
    Device | None,
    Parameter(name="--device", help="Device of the encoder; default: WHOLESCRIPT_DEVICE or auto."),
]
OneSeed = Annotated[Seed, Parameter(help="Random seed.")]
FilmsPath = Annotated[
    Path | None,
    Parameter(
        help="Source local: Parquet file with the columns film_id, title, year, text (the whole "
        "screenplay) and the target (0 or 1). Source hub: local copy of the data set."
    ),
]
FieldsOption = Annotated[
    Literal["script", "summary", "title", "all"],  # data.films.INPUTS, which imports pandas
    Parameter(
        help="Input of the models: script (the column text), summary, title, or all of them, in "
        "the order title, summary, script. Others than script need texts (source local or hub)."
    ),
]
FilmsSource = Annotated[str, Parameter(help="Source of the films: bundled, local or hub.")]
ScriptsSource = Annotated[str, Parameter(help="Source of the screenplays: local or hub.")]
RayAddress = Annotated[
    str | None, Parameter(help="Address of a running Ray cluster; default: this machine.")
]
Workers = Annotated[
    PositiveInt | None, Parameter(help="Number of local processes; default: one per core.")
]


def load_labelled(data: str) -> Any:
    """Read a prepared data set by its name or folder."""
    from wholescript.data.labelled import read_labelled_dataset
    from wholescript.errors import DataError, did_you_mean
    from wholescript.files import similar_name
    from wholescript.project import Project

    folder = Path(data)
    if folder.is_file():
        raise DataError(
            f"{data} is a file, not a prepared data set: run `wholescript data prepare "
            f"{shlex.quote(data)}`, then give the name that it prints."
        )
    prepared = Project().build / "labelled"
    if not folder.is_dir() and not (prepared / data).is_dir():
        known = [path.name for path in prepared.glob("*")]
        raise DataError(
            f"no prepared data set is called {data!r} (`wholescript data prepare` writes one)"
            f"{similar_name(folder, known) or did_you_mean(data, known)}"
        )
    return read_labelled_dataset(folder if folder.is_dir() else prepared / data)


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
