"""Passports: what a figure or table came from, written beside it and inside its pictures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholescript.files import write_atomic
from wholescript.publish.normalize import cell_id
from wholescript.publish.notebook import Notebook
from wholescript.publish.provenance.embedded import PICTURES, drawing_hash, embed

# Facts about one execution: they alone do not make a new record of what came out the same.
_OF_ONE_EXECUTION = {"code", "commit", "device", "versions", "wall_time_s"}


def write_with_passport(
    notebook: Notebook, label: str, kind: str, contents: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Write `figures/<label><ending>` for each of `contents`, and `<label>.passport.json`.

    Pictures carry the passport inside. If content, parameters, data and runs are those of the
    passport that is there, that one stays, with the code that first made the content: a rerun that
    makes the same content changes no byte. Returns the files as written, by ending.
    """
    suffixes = {ending: Path(label + ending).suffix for ending in contents}
    hashes = {e: drawing_hash(content, suffixes[e]) for e, content in contents.items()}
    passport = {
        "label": label,
        "kind": kind,
        "cell": cell_id(notebook.name, label),
        "files": {label + ending: digest for ending, digest in hashes.items()},
        **notebook.provenance(),
    }
    path = notebook.figures / f"{label}.passport.json"
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        passport = stored if _lasting(stored) == _lasting(passport) else passport
    written = {
        ending: embed(content, suffixes[ending], passport)
        if suffixes[ending] in PICTURES
        else content
        for ending, content in contents.items()
    }
    for ending, content in written.items():
        write_atomic(notebook.figures / f"{label}{ending}", content)
    write_atomic(path, json.dumps(passport, indent=2, ensure_ascii=False) + "\n")
    return written


def _lasting(passport: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in passport.items() if key not in _OF_ONE_EXECUTION}
