"""Provenance records of figures and tables: `figures/<label>.provenance.json`.

Standard library only, so that the theme of the site can import it.
"""

import json
from pathlib import Path
from typing import Any

from wholescript.errors import RunError

SUFFIX = ".provenance.json"


def read_records(figures: Path) -> list[dict[str, Any]]:
    """Return all provenance records in the folder `figures`, sorted by label.

    Raises:
        RunError: a record is damaged.
    """
    return [read_record(path) for path in sorted(figures.glob(f"*{SUFFIX}"))]


def read_record(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; raise RunError if the file is damaged."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise RunError(f"{path.name} is damaged ({error}): run its notebook again") from None
