"""Write figures and tables with their provenance record."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholescript.files import write_atomic
from wholescript.publish.normalize import cell_id
from wholescript.publish.notebook import Notebook
from wholescript.publish.provenance.embedded import IMAGE_SUFFIXES, content_hash, embed_provenance
from wholescript.publish.provenance.records import SUFFIX, read_record

# Facts about one execution: if only they differ, the stored record is kept.
_EXECUTION_FACTS = {"code", "commit", "device", "versions", "wall_time_s"}


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
    provenance = {
        "label": label,
        "kind": kind,
        "cell": cell_id(notebook.name, label),
        "files": {label + ending: digest for ending, digest in hashes.items()},
        **notebook.provenance(),
    }
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
