"""Normal form of executed notebooks, in which an equal rerun gives equal bytes."""

import copy
import hashlib
import re
from functools import cache
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

INJECTED_TAG = "injected-parameters"
_LABEL = re.compile(r"^#\|\s*label:\s*(\S+)", re.MULTILINE)
_WIDGET = "application/vnd.jupyter.widget-view+json"
RECORD = "wholescript"
"""Key of the metadata of an executed notebook: `source` is the hash of the cells it had then."""
_KEPT_METADATA = ("tags", "label", "name")


def cell_id(notebook: str, part: str) -> str:
    """Return the id of a cell; the name of the notebook makes it unique in the project."""
    return f"{notebook}-{part}"[:64]


def cell_label(cell: NotebookNode) -> str | None:
    """Return the label of a cell, from its metadata or from a line `#| label: ...`."""
    if label := cell.metadata.get("label"):
        return str(label)
    match = _LABEL.search(cell.source) if cell.cell_type == "code" else None
    return match.group(1) if match else None


def read_source(path: Path) -> NotebookNode:
    """Return the normal form of the source of a notebook; a file is read again when it changed.

    A running notebook asks for it with each figure and each run, and parsing takes longer than
    most cells.
    """
    state = path.stat()
    return copy.deepcopy(_read_source(path, state.st_mtime_ns, state.st_size))


@cache
def _read_source(path: Path, modified_ns: int, n_bytes: int) -> NotebookNode:
    return normalize_notebook(jupytext.read(path), path.stem)


def normalize_notebook(notebook: NotebookNode, name: str) -> NotebookNode:
    """Remove, in place, what differs between two equal executions of a notebook; return it.

    Removes timings, stderr, progress widgets and tool metadata. Consecutive stdout outputs are
    joined. The id of a cell is the name of the notebook with the cell's label, its tag or a digest
    of its source: inserting a cell changes no other id.
    """
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    recorded = {RECORD: notebook.metadata[RECORD]} if RECORD in notebook.metadata else {}
    notebook.metadata = NotebookNode(
        jupytext={"formats": "ipynb,py:percent"},
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
        **recorded,
    )
    used: set[str] = set()
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in _KEPT_METADATA if cell.metadata.get(key)}
        cell.metadata = NotebookNode(kept)
        cell.id = _unique_id(cell_id(name, _id_suffix(cell)), used)
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs = _clean_outputs(cell.outputs)
    return notebook


def to_ipynb(notebook: NotebookNode) -> str:
    """Return the content of an .ipynb file."""
    return nbformat.writes(notebook) + "\n"


def output_labels(cells: list[NotebookNode]) -> set[str]:
    """Return the labels of the cells that show a figure or a table."""
    labels = (cell_label(cell) for cell in cells if cell.cell_type == "code")
    return {label for label in labels if label and label.startswith(("fig-", "tbl-"))}


def _id_suffix(cell: NotebookNode) -> str:
    tags = cell.metadata.get("tags", [])
    for tag in (INJECTED_TAG, "parameters"):
        if tag in tags:
            return tag
    digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()
    return cell_label(cell) or f"cell-{digest[:8]}"


def _unique_id(wanted: str, used: set[str]) -> str:
    number, found = 1, wanted
    while found in used:
        number += 1
        found = f"{wanted[:60]}-{number}"
    used.add(found)
    return found


def _clean_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    cleaned: list[NotebookNode] = []
    for output in outputs:
        if output.get("name") == "stderr" or _WIDGET in output.get("data", {}):
            continue
        output.pop("transient", None)
        last = cleaned[-1] if cleaned else None
        if last and last.output_type == output.output_type == "stream":
            last.text += output.text
        else:
            cleaned.append(output)
    return cleaned
