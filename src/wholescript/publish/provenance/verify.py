"""Verify a saved figure or table against the checkout, by its content and its provenance record."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wholescript.errors import RunError, WholeScriptError, did_you_mean
from wholescript.project import Project
from wholescript.publish.parameters import check_parameters
from wholescript.publish.provenance.embedded import (
    IMAGE_SUFFIXES,
    content_hash,
    read_embedded_provenance,
)
from wholescript.publish.provenance.read import edited_files, read_plots, read_records, sha256
from wholescript.publish.series import series_csv

Record = dict[str, Any]


@dataclass(frozen=True)
class Verification:
    """What a file is, and how it differs from the checkout; no `differences` if it is the same."""

    subject: str
    differences: list[str]

    @property
    def matches(self) -> bool:
        """Whether the checkout has this figure or table, with this content."""
        return not self.differences


def verify_file(project: Project, file: Path) -> Verification:
    """Compare a saved figure or table with the checkout; a name or label selects the stored one.

    PNG and SVG files have an embedded record, whatever their name; other files are identified by
    their content. A figure that was made with other parameters is compared with the data that
    these parameters select.

    Raises:
        RunError: there is no such file or label, or it is damaged or not of this report.
    """
    records = read_records(project.root / "figures")
    if not file.is_file():
        return _stored(records, file)
    content = file.read_bytes()
    if file.suffix not in IMAGE_SUFFIXES or not (record := read_embedded_provenance(file)):
        record = next(_by_content(records, content), None)
        if record is None:
            raise RunError(
                f"{file.name} has no provenance record, and no figure or table of this checkout "
                "has its content: use the PNG or SVG as downloaded"
            )
        return Verification(_subject(record), [])
    differences = list(_differences(project, record, records.get(record["label"])))
    if content_hash(content, file.suffix) != record["content"]:
        differences.insert(0, f"{file.name} was edited after the notebook wrote it")
    elif record["published"] and not differences:
        stored = records[record["label"]]
        if sha256(content) not in stored["files"].values():
            differences.append(f"{record['label']} of this checkout has another content")
    return Verification(_subject(record), differences)


def _stored(records: dict[str, Record], file: Path) -> Verification:
    """Verify the stored figure or table with a label, or with the name of a file."""
    label = file.name.partition(".")[0]
    if label not in records:
        raise RunError(
            f"there is no file {file}, and no figure or table of this checkout is labelled "
            f"{label!r}{did_you_mean(label, records, list_all=False)}"
        )
    record = records[label]
    return Verification(
        f"stored {_subject(record)}",
        [text for at, text in edited_files(record["folder"]) if at == label],
    )


def _subject(record: Record) -> str:
    return f"{record['label']} of {record['notebook']}, {record['command']}"


def _by_content(records: dict[str, Record], content: bytes) -> Iterator[Record]:
    digest = sha256(content)
    plots: dict[Path, dict[str, Any]] = {}
    for label, record in records.items():
        folder = record["folder"]
        if folder not in plots:
            plots[folder] = read_plots(folder)
        # The site makes the CSV of a figure from its plotted data.
        plotted = plots[folder].get(label)
        if digest in record["files"].values() or (
            plotted and series_csv(plotted).encode() == content
        ):
            yield record


def _differences(project: Project, record: Record, stored: Record | None) -> Iterator[str]:
    """Yield the differences between an embedded record and the checkout."""
    if record["notebook"] not in project.notebook_names():
        yield f"notebook {record['notebook']} was removed"
        return
    if not record["published"]:
        yield from _other_parameters(project, record)
        return
    if stored is None:
        yield f"{record['notebook']} no longer makes {record['label']}"
        return
    for kind in ("parameters", "data", "runs"):
        yield from _changes(kind.removesuffix("s"), record[kind] or {}, stored[kind] or {})


def _changes(kind: str, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if name not in now:
            yield f"{kind} {name} was removed"
        elif name not in before:
            yield f"{kind} {name} is new"
        elif before[name] != now[name]:
            yield f"{kind} {name} was {before[name]!r}, is {now[name]!r}"


def _other_parameters(project: Project, record: Record) -> Iterator[str]:
    """Yield what keeps the checkout from making a figure with parameters that are not published."""
    try:
        check_parameters(project, record["notebook"], record["parameters"])
        if record["data"]:
            from wholescript.studies.screenplays.data import load_films  # slow import

            wanted = ("source", "path", "target", "scale", "seed")
            parameters = {name: record["parameters"][name] for name in wanted}
            if path := parameters["path"]:
                parameters["path"] = str(project.root / path)
            films = load_films(**parameters)
            yield from _changes("data", record["data"], films.provenance.as_dict())
    except WholeScriptError as error:
        yield f"it cannot be made here: {error}"
