"""Copy changed Markdown cells of a notebook into the executed .ipynb, without executing it."""

from typing import Any

import nbformat
from nbformat import NotebookNode

from wholescript.files import write_atomic
from wholescript.project import Project
from wholescript.publish.normalize import normalize_notebook, read_source, to_ipynb
from wholescript.publish.pairs import check_not_edited, record_source


def sync_markdown(project: Project, name: str) -> bool:
    """Update the Markdown cells of the executed notebook `name` from its source; keep the outputs.

    Returns whether the executed notebook has the cells of its source now. If code cells changed or
    the notebook was never executed, nothing is written and the result is False.

    Raises:
        RunError: the executed notebook was edited, and its source does not have the edit.
    """
    path = project.notebooks / f"{name}.ipynb"
    if not path.exists():
        return False
    check_not_edited(project, name)
    source = read_source(project.notebook_source(name))
    executed = nbformat.read(path, as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    if [_source_and_metadata(c) for c in source.cells if c.cell_type == "code"] != [
        _source_and_metadata(c) for c in code
    ]:
        return False
    executed_code = iter(code)
    executed.cells = [next(executed_code) if c.cell_type == "code" else c for c in source.cells]
    record_source(normalize_notebook(executed, name))
    text = to_ipynb(executed)
    if text != path.read_text(encoding="utf-8"):
        write_atomic(path, text)
    return True


def _source_and_metadata(cell: NotebookNode) -> tuple[str, dict[str, Any]]:
    """Return the source and the metadata (label, tags) of a cell."""
    return cell.source, dict(cell.metadata)
