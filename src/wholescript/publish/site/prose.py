"""The text of a notebook on its own: published anew from its source, with nothing executed."""

from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from wholescript.files import write_atomic
from wholescript.project import Project
from wholescript.publish.normalize import normalize_notebook, to_ipynb


def sync_markdown(project: Project, name: str) -> bool:
    """Bring the text cells of the executed notebook `name` up to its source; outputs stay.

    Returns whether the executed notebook is now of the cells of its source. It is left alone and
    the answer is no where its code has changed, or where it was never executed.
    """
    path = project.notebooks / f"{name}.ipynb"
    if not path.exists():
        return False
    source = normalize_notebook(jupytext.read(project.notebook_source(name)), name)
    executed = nbformat.read(path, as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    if [_source_and_metadata(c) for c in source.cells if c.cell_type == "code"] != [
        _source_and_metadata(c) for c in code
    ]:
        return False
    ran = iter(code)
    executed.cells = [next(ran) if c.cell_type == "code" else c for c in source.cells]
    text = to_ipynb(normalize_notebook(executed, name))
    if text != path.read_text(encoding="utf-8"):
        write_atomic(path, text)
    return True


def _source_and_metadata(cell: NotebookNode) -> tuple[str, dict[str, Any]]:
    """Return what the author wrote of a cell: its source and its metadata (label, tags)."""
    return cell.source, dict(cell.metadata)
