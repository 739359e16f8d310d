"""Somebody edits the executed .ipynb, as in JupyterLab without Jupytext: the edit is never lost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from tests.publish.conftest import make_project, tree
from wholescript.errors import RunError
from wholescript.project import Project
from wholescript.publish.checks import find_problems
from wholescript.publish.execution import run_notebook
from wholescript.publish.normalize import RECORD
from wholescript.publish.pairs import find_edit
from wholescript.publish.site.build import build_site
from wholescript.publish.site.sync_markdown import sync_markdown

LINE = 5  # the cell of the figure


@pytest.fixture(autouse=True)
def _at_root(executed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(executed.root)


def edit(project: Project, change: Callable[[NotebookNode], object], *, newer: bool = True) -> Path:
    """Change the executed notebook; it is newer or older than its source then."""
    path, source = project.notebooks / "01_tiny.ipynb", project.notebook_source("01")
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    time = source.stat().st_mtime + (60 if newer else -60)
    os.utime(path, (time, time))
    return path


def set_source(cell: int, source: str) -> Callable[[NotebookNode], object]:
    return lambda notebook: notebook.cells[cell].update(source=source)


def type_in_shell(command: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(command, shell=True, check=True, env={**os.environ, "PATH": path})


EDITS: dict[str, Callable[[NotebookNode], object]] = {
    "a text": set_source(0, "# A question of mine"),
    "code of a figure": set_source(LINE, "#| label: fig-line\nprint('mine')"),
    "a new cell": lambda notebook: notebook.cells.append(new_code_cell("print('mine')")),
    "a cell between": lambda notebook: notebook.cells.insert(1, new_markdown_cell("Mine.")),
    "a deleted cell": lambda notebook: notebook.cells.pop(3),
    "a tag": lambda notebook: notebook.cells[0].metadata.update(tags=["mine"]),
    "the kind of a cell": lambda notebook: notebook.cells[0].update(cell_type="raw"),
}


@pytest.mark.parametrize("newer", [True, False])
@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
def test_edit_is_kept_until_the_command_in_the_message_has_synced_it(
    executed: Project, change: Callable[[NotebookNode], object], newer: bool
) -> None:
    path = edit(executed, change, newer=newer)
    before = tree(executed.root)
    with pytest.raises(RunError, match="was edited") as refusal:
        run_notebook("01", project=executed)
    with pytest.raises(RunError, match="was edited"):
        run_notebook("01", {"slope": 3}, project=executed)
    with pytest.raises(RunError, match="was edited"):
        sync_markdown(executed, "01_tiny")
    assert tree(executed.root) == before
    edited = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    command = str(refusal.value).partition("`")[2].rstrip("`")
    assert "jupytext --sync notebooks/01_tiny.ipynb" in command
    type_in_shell(command)
    assert find_edit(executed, "01_tiny") == ""
    assert [cell.source for cell in jupytext.read(executed.notebook_source("01")).cells] == edited


def test_edit_is_neither_published_nor_passed(
    executed: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(executed, EDITS["a text"])
    problem = find_edit(executed, "01_tiny")
    assert find_problems(executed) == [problem]
    built = build_site(executed)
    assert not built.ok and not built.skipped
    assert capsys.readouterr().out == f"{problem}\n"


@pytest.mark.parametrize("newer", [True, False])
def test_where_both_were_edited_the_one_that_syncing_replaces_is_kept(
    executed: Project, newer: bool
) -> None:
    source = executed.notebook_source("01")
    source.write_text(source.read_text().replace("A small question", "A question of the .py"))
    path = edit(executed, EDITS["a text"], newer=newer)
    replaced = source if newer else path
    content = replaced.read_bytes()
    with pytest.raises(RunError, match="were both edited") as refusal:
        run_notebook("01", project=executed)
    copy = executed.root / str(refusal.value).rpartition(" ")[2]
    type_in_shell(str(refusal.value).split("`")[1])
    assert replaced.read_bytes() != content == copy.read_bytes()
    assert find_edit(executed, "01_tiny") == ""


def as_crlf(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def crlf_in_cells(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n")


def test_line_ends_outputs_and_empty_cells_are_no_edit(executed: Project) -> None:
    edit(executed, crlf_in_cells)
    assert find_edit(executed, "01_tiny") == ""
    edit(executed, lambda notebook: notebook.cells.append(new_code_cell("")))
    edit(executed, lambda notebook: notebook.cells[3].update(outputs=[]))
    edit(executed, lambda notebook: notebook.cells[0].metadata.update(collapsed=True, tags=[]))
    assert find_edit(executed, "01_tiny") == ""
    as_crlf(executed.notebooks / "01_tiny.ipynb")
    as_crlf(executed.notebook_source("01"))
    assert find_edit(executed, "01_tiny") == ""


@pytest.mark.parametrize("newer", [True, False])
def test_edit_of_the_source_alone_is_none_of_the_notebook(executed: Project, newer: bool) -> None:
    source = executed.notebook_source("01")
    source.write_text(source.read_text().replace("A small question", "Another question"))
    edit(executed, lambda _: None, newer=newer)
    assert find_edit(executed, "01_tiny") == ""


@pytest.mark.parametrize(("newer", "found"), [(True, True), (False, False)])
def test_without_a_record_the_newer_file_is_the_edited_one(
    executed: Project, newer: bool, found: bool
) -> None:
    edit(executed, lambda notebook: notebook.metadata.pop(RECORD))
    edit(executed, EDITS["a text"], newer=newer)
    assert ("was edited" in find_edit(executed, "01_tiny")) is found


def test_pasted_picture_and_damage_are_named(executed: Project) -> None:
    picture = {"image.png": {"image/png": "aGVsbG8="}}
    path = edit(executed, lambda notebook: notebook.cells[0].update(attachments=picture))
    with pytest.raises(RunError, match=r"cell 1 of notebooks/01_tiny.ipynb has a picture"):
        run_notebook("01", project=executed)
    path.write_text("<<<<<<< HEAD\n{}\n=======\n{}\n")
    with pytest.raises(RunError, match=r"01_tiny.ipynb is no notebook .* `rm notebooks/01_tiny"):
        run_notebook("01", project=executed)
    assert path.read_text().startswith("<<<<")


def test_edit_during_the_execution_is_kept(tmp_path: Path) -> None:
    """The notebook edits its own .ipynb, as its author may while it runs."""
    code = """# %% tags=["parameters"]
seed = 0

# %%
from pathlib import Path

path = Path("notebooks/01_tiny.ipynb")
path.write_text(path.read_text().replace("Before.", "After."))

# %% [markdown]
# Before.
"""
    project = make_project(tmp_path / "other", code)
    path = project.notebooks / "01_tiny.ipynb"
    jupytext.write(jupytext.read(project.notebook_source("01")), path)
    with pytest.raises(RunError, match=r"(?s)was edited.*is in /.*/_build/failed/01_tiny.ipynb"):
        run_notebook("01", project=project)
    assert "After." in path.read_text()
    executed = nbformat.read(project.build / "failed" / "01_tiny.ipynb", as_version=4)
    assert executed.cells[1].execution_count == 2
