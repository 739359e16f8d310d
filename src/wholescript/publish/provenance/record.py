"""The provenance record of a figure or table: what it holds, and how both are written."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholescript.experiments.environment import commit_of, device_name
from wholescript.files import write_atomic
from wholescript.publish.normalize import cell_id
from wholescript.publish.notebook import Notebook
from wholescript.publish.provenance.embedded import IMAGE_SUFFIXES, content_hash, embed_provenance
from wholescript.publish.provenance.read import SUFFIX, read_record

# Facts about one execution: if only they differ, the stored record is kept.
_EXECUTION_FACTS = {"code", "commit", "device", "versions", "wall_time_s"}


def provenance_record(
    notebook: Notebook, label: str, kind: str, files: Mapping[str, str]
) -> dict[str, Any]:
    """Return the record of the figure or table `label`: its inputs, environment and command.

    `kind` is `figure` or `table`, `files` has the hash of the content of each file by name.
    """
    return {
        "label": label,
        "kind": kind,
        "cell": cell_id(notebook.name, label),
        "files": dict(files),
        "notebook": notebook.name,
        "parameters": notebook.parameters,
        "published": notebook.published,
        "scale": notebook.parameters.get("scale"),
        "seed": notebook.parameters.get("seed"),
        "data": notebook.data,
        "runs": dict(sorted(notebook.used.items())),
        "commit": commit_of(notebook.project.root),
        "code": notebook.code,
        "versions": notebook.versions,
        "device": device_name(),
        "wall_time_s": round(time.perf_counter() - notebook.started, 1),
        "command": notebook.command,
    }


def write_with_provenance(
    notebook: Notebook, label: str, kind: str, contents: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Write `figures/<label><ending>` for each of `contents`, and `<label>.provenance.json`.

    The record is also embedded in PNG and SVG files. If content, parameters, data and runs equal
    those of the stored record, that record is kept, with the code that first made the content: an
    equal rerun changes no byte. Returns the contents as written, by ending.
    """
    suffixes = {ending: Path(label + ending).suffix for ending in contents}
    hashes = {e: content_hash(content, suffixes[e]) for e, content in contents.items()}
    files = {label + ending: digest for ending, digest in hashes.items()}
    provenance = provenance_record(notebook, label, kind, files)
    path = notebook.figures / f"{label}{SUFFIX}"
    if path.exists():
        stored = read_record(path)
        if _comparable(stored) == _comparable(provenance):
            provenance = stored
    written = {
        ending: embed_provenance(content, suffixes[ending], provenance)
        if suffixes[ending] in IMAGE_SUFFIXES
        else content
        for ending, content in contents.items()
    }
    for ending, content in written.items():
        write_atomic(notebook.figures / f"{label}{ending}", content)
    write_atomic(path, json.dumps(provenance, indent=2, ensure_ascii=False) + "\n")
    return written


def _comparable(provenance: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in provenance.items() if key not in _EXECUTION_FACTS}
