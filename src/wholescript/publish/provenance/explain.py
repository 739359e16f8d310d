"""Why a notebook or a run is stale or current, and whether a file is what the tree would make."""

import json
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


@dataclass(frozen=True)
class StalenessReport:
    """What was asked about, and what differs from the tree at hand; nothing where it is current."""

    subject: str
    changes: list[Change]

    @property
    def current(self) -> bool:
        """Whether the tree at hand would make it again as it is."""
        return not self.changes


def why(project: Project, name: str) -> StalenessReport:
    """Explain a notebook (by name, number or path) or a run (`<group>/<name>`).

    Raises:
        WholeScriptError: nothing has that name; the message lists what there is.
    """
    results = Results(project.root / "results")
    if name in results.names():
        if "notebook" not in results.config(name):
            raise RunError(
                f"no notebook makes {name}: a command trained it, and trains it anew where code, "
                "texts or settings have changed (see notebooks/*_train.sh)"
            )
        return StalenessReport(f"run {name}", list(_run_changes(project, results.config(name))))
    if "/" in name and not Path(name).suffix:
        results.config(name)  # raises, and names the nearest
    notebook = project.notebook_source(name).stem
    return StalenessReport(
        f"notebook {notebook}",
        changes_since_execution(project, notebook) + _edited_files(project, notebook),
    )


def _run_changes(project: Project, config: dict[str, Any]) -> list[Change]:
    if config["experiment"] == "notebook":
        # Numbers that a notebook computed itself: they are as current as the notebook.
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
    """Return whether the cell that made a run is still there as it was."""
    source = project.notebook_source(config["notebook"])
    ids = {cell.id for cell in normalize_notebook(jupytext.read(source), source.stem).cells}
    cell = config.get("cell")
    return [] if cell in (None, *ids) else [Change("cell", str(cell))]


def _pin_changes(project: Project, versions: dict[str, str]) -> list[Change]:
    """Compare versions with requirements.lock, or where there is none with what is installed."""
    versions = {name: version.partition("+")[0] for name, version in versions.items()}
    now = installed_versions(versions) | {
        name: pin for name, pin in pinned_versions(project).items() if name in versions
    }
    return list(diff_mappings("pin", versions, now))


def _edited_files(project: Project, notebook: str) -> list[Change]:
    """Return the files of a notebook's figures that are no longer as it wrote them."""
    found = []
    for path in sorted((project.root / "figures").glob("*.passport.json")):
        provenance = read_provenance(path)
        if provenance["notebook"] != notebook:
            continue
        for name, digest in provenance["files"].items():
            file = path.parent / name
            if not file.exists():
                found.append(Change("file", f"figures/{name}", "is missing"))
            elif content_hash(file.read_bytes(), file.suffix) != digest:
                found.append(Change("file", f"figures/{name}", "was edited after it was drawn"))
    return found


def verify_file(project: Project, file: Path) -> StalenessReport:
    """Say whether the tree would make a saved figure or table, from the passport that it carries.

    PNG and SVG carry theirs inside; any other file must be one that the tree still holds.

    Raises:
        RunError: the file is not there, is damaged, or no passport knows it.
    """
    if not file.is_file():
        raise RunError(f"there is no file {file}")
    provenance = read_embedded_provenance(file) if file.suffix in IMAGE_SUFFIXES else None
    digest = content_hash(file.read_bytes(), file.suffix)
    provenance = provenance or _find_provenance(project, digest)
    if provenance is None:
        raise RunError(
            f"{file.name} carries no passport, and no figure or table of this tree has its "
            "content: verify the PNG or SVG as it was downloaded"
        )
    found = (
        [] if digest in provenance["files"].values() else [Change("picture", file.name, "edited")]
    )
    published = provenance["published"] and published_parameters(project, provenance["notebook"])
    return StalenessReport(
        f"{provenance['label']} of {provenance['notebook']}, {provenance['command']}",
        [
            *found,
            *_source_changes(project, provenance),
            *(diff_mappings("parameter", provenance["parameters"], published) if published else []),
            *_data_changes(project, provenance),
            *_key_changes(project, provenance),
            *_pin_changes(project, provenance["versions"]),
        ],
    )


def read_provenance(path: Path) -> dict[str, Any]:
    """Return a passport file's content; raises RunError where it is damaged."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise RunError(f"{path.name} is damaged ({error}): run its notebook again") from None


def _find_provenance(project: Project, digest: str) -> dict[str, Any] | None:
    records = map(read_provenance, sorted((project.root / "figures").glob("*.passport.json")))
    return next((p for p in records if digest in p["files"].values()), None)


def _source_changes(project: Project, provenance: dict[str, Any]) -> list[Change]:
    """Compare the code that made a figure with the tree's.

    A published figure that came out the same when its notebook was executed again keeps the
    passport of the code that first made it, so there the notebook's own stamp decides.
    """
    name = provenance["notebook"]
    if name not in project.notebook_names():
        return [Change("notebook", name, "is gone")]
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
    from wholescript.data.films import load_corpus  # only films need pandas and the bundle

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
    """Compare the runs that a published figure was drawn from with those that are stored."""
    if not provenance["published"]:
        return []
    results = Results(project.root / "results")
    there = set(results.names())
    now = {run: results.config(run)["key"] for run in provenance["runs"] if run in there}
    return list(diff_mappings("run", provenance["runs"], now, values=False))
