"""Explain whether notebooks, runs and saved figures are current, and what has changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext

from wholescript.errors import RunError, WholeScriptError
from wholescript.experiments.key import hash_json
from wholescript.experiments.libraries import installed_versions, pinned_versions
from wholescript.experiments.results import Results
from wholescript.experiments.source_code import code_fingerprint, syntax_hash
from wholescript.project import Project
from wholescript.publish.normalize import normalize_notebook
from wholescript.publish.parameters import published_parameters
from wholescript.publish.provenance.embedded import (
    IMAGE_SUFFIXES,
    content_hash,
    read_embedded_provenance,
)
from wholescript.publish.provenance.notebook_state import (
    Change,
    changes_since_execution,
    diff_mappings,
)
from wholescript.publish.provenance.read import read_records


@dataclass(frozen=True)
class StalenessReport:
    """A notebook, run or file, and its differences from the checkout; none if it is current."""

    subject: str
    changes: list[Change]

    @property
    def current(self) -> bool:
        """Whether the checkout would reproduce it unchanged."""
        return not self.changes


def explain_staleness(project: Project, name: str) -> StalenessReport:
    """Compare a notebook (name, number or path) or a run (`<group>/<name>`) with the checkout.

    Raises:
        WholeScriptError: there is no such notebook or run, or a command made the run.
    """
    results = Results(project.root / "results")
    if name in results.names():
        if "notebook" not in results.config(name):
            raise RunError(
                f"{name} was trained by a command, not by a notebook; the command trains it again "
                "when data or settings change (see notebooks/*_train.sh)"
            )
        return StalenessReport(f"run {name}", list(_run_changes(project, results.config(name))))
    if "/" in name and not Path(name).suffix:
        results.config(name)  # raises with similar names
    notebook = project.notebook_source(name).stem
    return StalenessReport(
        f"notebook {notebook}",
        changes_since_execution(project, notebook) + _edited_files(project, notebook),
    )


def _run_changes(project: Project, config: dict[str, Any]) -> list[Change]:
    if config["experiment"] == "notebook":
        # Metrics that a notebook computed in its cells are as current as the notebook.
        return changes_since_execution(project, config["notebook"])
    published = published_parameters(project, config["notebook"])
    return [
        *_cell_changes(project, config),
        *diff_mappings("parameter", config["parameters"], published),
        *(
            c
            for c in changes_since_execution(project, config["notebook"])
            if c.kind in ("file", "source")
        ),
        *_pin_changes(project, config["versions"]),
    ]


def _cell_changes(project: Project, config: dict[str, Any]) -> list[Change]:
    """Return a change if the notebook no longer has the cell that made a run."""
    source = project.notebook_source(config["notebook"])
    ids = {cell.id for cell in normalize_notebook(jupytext.read(source), source.stem).cells}
    cell = config.get("cell")
    return [] if cell in (None, *ids) else [Change("cell", str(cell))]


def _pin_changes(project: Project, versions: dict[str, str]) -> list[Change]:
    """Compare versions with requirements.lock, or without one with the installed versions."""
    versions = {name: version.partition("+")[0] for name, version in versions.items()}
    now = installed_versions(versions) | {
        name: pin for name, pin in pinned_versions(project).items() if name in versions
    }
    return list(diff_mappings("pin", versions, now))


def _edited_files(project: Project, notebook: str) -> list[Change]:
    """Return the figure files of a notebook that are missing or were changed."""
    changes, figures = [], project.root / "figures"
    for provenance in read_records(figures):
        if provenance["notebook"] != notebook:
            continue
        for name, digest in provenance["files"].items():
            file = figures / name
            if not file.exists():
                changes.append(Change("file", f"figures/{name}", "is missing"))
            elif content_hash(file.read_bytes(), file.suffix) != digest:
                description = "was changed after the notebook wrote it"
                changes.append(Change("file", f"figures/{name}", description))
    return changes


def verify_file(project: Project, file: Path) -> StalenessReport:
    """Compare a saved figure or table with the checkout, by its provenance record.

    PNG and SVG files have an embedded record. Any other file is identified by its content among
    the records of the checkout.

    Raises:
        RunError: the file is missing or damaged, or it has no provenance record.
    """
    if not file.is_file():
        raise RunError(f"there is no file {file}")
    provenance = read_embedded_provenance(file) if file.suffix in IMAGE_SUFFIXES else None
    digest = content_hash(file.read_bytes(), file.suffix)
    provenance = provenance or _find_provenance(project, digest)
    if provenance is None:
        raise RunError(
            f"{file.name} has no provenance record, and no figure or table of this checkout has "
            "its content: use the PNG or SVG as downloaded"
        )
    intact = digest in provenance["files"].values()
    published = provenance["published"] and published_parameters(project, provenance["notebook"])
    return StalenessReport(
        f"{provenance['label']} of {provenance['notebook']}, {provenance['command']}",
        [
            *([] if intact else [Change("file", file.name, "was edited")]),
            *_source_changes(project, provenance),
            *(diff_mappings("parameter", provenance["parameters"], published) if published else []),
            *_data_changes(project, provenance),
            *_key_changes(project, provenance),
            *_pin_changes(project, provenance["versions"]),
        ],
    )


def _find_provenance(project: Project, digest: str) -> dict[str, Any] | None:
    records = read_records(project.root / "figures")
    return next((p for p in records if digest in p["files"].values()), None)


def _source_changes(project: Project, provenance: dict[str, Any]) -> list[Change]:
    """Compare the code that made a figure with that of the checkout.

    A published figure keeps the record of the code that first made it as long as new executions
    give the same content, so for these the fingerprint of the notebook decides.
    """
    name = provenance["notebook"]
    if name not in project.notebook_names():
        return [Change("notebook", name, "was removed")]
    source = project.notebook_source(name)
    now = hash_json([syntax_hash(source), code_fingerprint([source], project.source)])
    if provenance["code"] == now:
        return []
    if provenance["published"]:
        return [c for c in changes_since_execution(project, name) if c.kind in ("source", "cell")]
    return [Change("source", f"of {name}")]


def _data_changes(project: Project, provenance: dict[str, Any]) -> list[Change]:
    if not (data := provenance["data"]):
        return []
    from wholescript.data.films import load_corpus  # slow import, needed for films only

    parameters = provenance["parameters"]
    try:
        corpus = load_corpus(
            parameters["source"], parameters["path"] or None, target=parameters["target"]
        )
    except WholeScriptError as error:
        return [Change("data", data["location"], f"cannot be compared: {error}")]
    return list(
        diff_mappings(
            "data",
            {data["location"]: data["fingerprint"][:12]},
            {data["location"]: corpus.provenance.fingerprint[:12]},
        )
    )


def _key_changes(project: Project, provenance: dict[str, Any]) -> list[Change]:
    """Compare the keys of the runs that a published figure shows with the stored keys."""
    if not provenance["published"]:
        return []
    results = Results(project.root / "results")
    names = set(results.names())
    now = {run: results.config(run)["key"] for run in provenance["runs"] if run in names}
    return list(diff_mappings("run", provenance["runs"], now, values=False))
