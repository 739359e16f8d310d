"""Passports: what a figure or table came from, written beside it and inside its pictures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholescript.files import write_atomic
from wholescript.report.context import Notebook
from wholescript.report.normalise import cell_id
from wholescript.report.provenance.embedded import PICTURES, drawing_hash, embed

# How long it took is no fact about the content: alone it does not make a new passport.
_VOLATILE = "wall_time_s"


def write_with_passport(
    notebook: Notebook, label: str, kind: str, contents: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Write `figures/<label><ending>` for each of `contents`, and `<label>.passport.json`.

    Pictures carry the passport inside. If nothing but the wall time differs from the passport
    that is there, that one stays: a rerun that makes the same content changes no byte. Returns
    the files as written, by ending.
    """
    suffixes = {ending: Path(label + ending).suffix for ending in contents}
    hashes = {e: drawing_hash(content, suffixes[e]) for e, content in contents.items()}
    passport = {
        "label": label,
        "kind": kind,
        "cell": cell_id(notebook.name, label),
        "files": {label + ending: digest for ending, digest in hashes.items()},
        **notebook.facts(),
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
    return {key: value for key, value in passport.items() if key != _VOLATILE}
