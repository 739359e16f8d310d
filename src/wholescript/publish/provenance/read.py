"""Provenance of the figures and tables of a notebook: `figures/<notebook>/provenance.json`.

The file says once how the notebook was executed (command, parameters, data, code, versions,
device, runs with their keys), and in `outputs`, per label, the kind, the cell, how many of `runs`
had been read, and the SHA-256 of each file. `plots.json` beside it has the plotted data by label.

Standard library only, so that the theme of the site can import it.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wholescript.errors import RunError

FILE = "provenance.json"
PLOTS = "plots.json"


def read_records(figures: Path) -> dict[str, dict[str, Any]]:
    """Return the record of each figure and table below the folder `figures`, by label.

    A record is the entry of `outputs` with what the file says about the execution; its `folder`
    is the path of its files.

    Raises:
        RunError: a file is damaged.
    """
    records = {}
    for path in sorted(figures.glob(f"*/{FILE}")):
        execution = read_json(path)
        outputs, runs = execution.pop("outputs"), execution.pop("runs")
        for label, output in outputs.items():
            used = dict(itertools.islice(runs.items(), output["runs"]))
            about = {"label": label, "folder": path.parent, "runs": used}
            records[label] = execution | output | about
    return records


def read_plots(folder: Path) -> dict[str, Any]:
    """Return the plotted data of the figures of a notebook by label; empty if it has none."""
    return read_json(folder / PLOTS) if (folder / PLOTS).exists() else {}


def edited_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the label and a message for each file of a notebook that was changed or is missing.

    The PNG of a figure is in the executed notebook, so it is not among them.

    Raises:
        RunError: a file is damaged.
    """
    plots = read_plots(folder)
    for label, output in read_json(folder / FILE)["outputs"].items():
        for name, digest in output["files"].items():
            where, path = f"figures/{folder.name}/{name}", folder / name
            if name == PLOTS:
                if sha256(to_json(plots.get(label)).encode()) != digest:
                    yield label, f"{where}: {label} was changed after the notebook wrote it"
            elif path.exists():
                if sha256(path.read_bytes()) != digest:
                    yield label, f"{where} was changed after the notebook wrote it"
            elif name != f"{label}.png":
                yield label, f"{where} is missing"


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; raise RunError if the file is damaged."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        where = f"{path.parent.name}/{path.name}"
        raise RunError(f"{where} is damaged ({error}): run its notebook again") from None


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def to_json(value: object) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
