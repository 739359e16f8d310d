"""Passports: what a figure or table came from, written beside it."""

import json
from pathlib import Path
from typing import Any

from wholescript.files import sha256_of, write_atomic
from wholescript.report.context import Notebook
from wholescript.report.normalise import cell_id

# How long it took is no fact about the content: alone it does not make a new passport.
_VOLATILE = "wall_time_s"


def write_passport(notebook: Notebook, label: str, kind: str, files: list[Path]) -> Path:
    """Write `figures/<label>.passport.json` for `files`, which must be written already.

    If nothing but the wall time differs from the passport that is there, that one stays: a rerun
    that makes the same content changes no byte.
    """
    passport = {
        "label": label,
        "kind": kind,
        "cell": cell_id(notebook.name, label),
        "files": {path.name: sha256_of(path) for path in files},
        **notebook.facts(),
    }
    path = notebook.figures / f"{label}.passport.json"
    if not (path.exists() and _lasting(json.loads(path.read_text())) == _lasting(passport)):
        write_atomic(path, json.dumps(passport, indent=2, ensure_ascii=False) + "\n")
    return path


def _lasting(passport: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in passport.items() if key != _VOLATILE}
