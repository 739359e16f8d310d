"""Passports: what a figure or table came from, written beside it and inside its pictures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholescript.files import write_atomic
from wholescript.publish.normalize import cell_id
from wholescript.publish.notebook import Notebook
from wholescript.publish.provenance.embedded import IMAGE_SUFFIXES, content_hash, embed_provenance

# Facts about one execution: they alone do not make a new record of what came out the same.
_OF_ONE_EXECUTION = {"code", "commit", "device", "versions", "wall_time_s"}


def write_with_provenance(
    notebook: Notebook, label: str, kind: str, contents: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Write `figures/<label><ending>` for each of `contents`, and `<label>.passport.json`.

    Pictures carry the passport inside. If content, parameters, data and runs are those of the
    passport that is there, that one stays, with the code that first made the content: a rerun that
    makes the same content changes no byte. Returns the files as written, by ending.
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
    path = notebook.figures / f"{label}.passport.json"
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        provenance = (
            stored if _without_timing(stored) == _without_timing(provenance) else provenance
        )
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


def _without_timing(provenance: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in provenance.items() if key not in _OF_ONE_EXECUTION}
