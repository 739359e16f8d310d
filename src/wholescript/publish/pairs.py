"""The pair of a notebook, its .py and its executed .ipynb: an edit of the .ipynb is never lost.

An executed .ipynb records a hash of the cells that were executed. Where its cells are others now,
and not those of the .py, somebody has edited it, as in JupyterLab without Jupytext.
"""

import hashlib
import os
import shlex
import shutil
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from wholescript.errors import RunError
from wholescript.files import sha256_of
from wholescript.project import Project
from wholescript.publish.normalize import RECORD

# What jupytext.toml keeps: what the .py of a notebook holds.
_FILTERS = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "tags,label,name,-all"}


def record_source(notebook: NotebookNode) -> None:
    """Record in a notebook the cells that it has now."""
    notebook.metadata[RECORD] = {"source": _hash(_as_py(notebook))}


def check_not_edited(project: Project, name: str) -> None:
    """Raise RunError if the executed notebook was edited, and its source does not have the edit."""
    if problem := find_edit(project, name):
        raise RunError(problem)


def find_edit(project: Project, name: str) -> str:
    """Return what to do about an edit of the executed notebook; empty if its source has it.

    Where both files were changed, the older one, which Jupytext would replace, is copied.
    """
    path, source = project.notebooks / f"{name}.ipynb", project.notebook_source(name)
    if not path.exists():
        return ""
    shown = shlex.quote(os.path.relpath(path))
    try:
        executed = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        reason = str(error).partition("\n")[0][:200]
        return f"{shown} is no notebook ({reason}): repair it, or delete it with `rm {shown}`"
    if pasted := [n for n, cell in enumerate(executed.cells, 1) if cell.get("attachments")]:
        return (
            f"cell {pasted[0]} of {shown} has a picture that was pasted into it, which would be "
            f"lost: save it as a file, link that, and delete the cell's attachment"
        )
    own, wanted = _as_py(executed), _as_py(jupytext.read(source))
    if own == wanted:
        return ""
    recorded = executed.metadata.get(RECORD, {}).get("source")
    is_newer = path.stat().st_mtime_ns > source.stat().st_mtime_ns
    if recorded == _hash(own) or (recorded is None and not is_newer):
        return ""  # only the source was changed
    sync = f"jupytext --sync {shown}"
    if recorded in (None, _hash(wanted)):
        sync = sync if is_newer else f"touch {shown} && {sync}"
        return f"{shown} was edited, and {source.name} does not have the edit: run `{sync}`"
    kept = _copy(project, source if is_newer else path)
    newer = path if is_newer else source
    return (
        f"{shown} and {source.name} were both edited: `{sync}` keeps {newer.name}, the newer one; "
        f"a copy of the other is {os.path.relpath(kept)}"
    )


def _as_py(notebook: NotebookNode) -> str:
    """Return the cells of a notebook as its .py holds them, without empty ones."""
    cells = [
        NotebookNode(
            cell_type=cell.cell_type,
            source=cell.source.replace("\r\n", "\n").rstrip(),
            metadata=NotebookNode({k: v for k, v in cell.metadata.items() if v}),
            **({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {}),
        )
        for cell in notebook.cells
        if cell.source.strip()
    ]
    metadata = NotebookNode(jupytext=dict(_FILTERS))
    bare = NotebookNode(nbformat=4, nbformat_minor=4, metadata=metadata, cells=cells)
    return str(jupytext.writes(bare, "py:percent"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _copy(project: Project, path: Path) -> Path:
    kept = project.build / "edited" / f"{path.stem}-{sha256_of(path)[:8]}{path.suffix}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(path, kept))
