"""Each notebook is a pair that Jupytext keeps in step: the .py and the executed .ipynb."""

import os
import shutil
import time
from pathlib import Path

import nbformat
import pytest
from jupytext.cli import jupytext

from wholescript.files import ROOT
from wholescript.project import Project

NOTEBOOKS = Project(ROOT).notebook_names()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the notebooks in a copy of the checkout; commands run at its root."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "notebooks"


def make_newest(path: Path) -> None:
    later = time.time() + 60
    os.utime(path, (later, later))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_sync_changes_nothing_whichever_is_newer(name: str, checkout: Path) -> None:
    pair = [checkout / f"{name}.{ending}" for ending in ("py", "ipynb")]
    before = [path.read_bytes() for path in pair]
    for newer in pair:
        make_newest(newer)
        jupytext(["--sync", f"notebooks/{newer.name}"])
        assert [path.read_bytes() for path in pair] == before


def test_sync_copies_an_edited_cell_to_the_other_file(checkout: Path) -> None:
    source, executed = checkout / "01_corpus.py", checkout / "01_corpus.ipynb"
    title = "# # The corpus: a thousand whole screenplays\n"
    assert title in source.read_text()

    source.write_text(source.read_text().replace(title, "# # Edited in an editor\n"))
    make_newest(source)
    jupytext(["--sync", "notebooks/01_corpus.py"])
    notebook = nbformat.read(executed, as_version=4)
    assert notebook.cells[0].source.startswith("# Edited in an editor")
    assert [cell for cell in notebook.cells if cell.get("outputs")]

    notebook.cells[0].source = "# Edited in JupyterLab"
    nbformat.write(notebook, executed)
    make_newest(executed)
    jupytext(["--sync", "notebooks/01_corpus.ipynb"])
    assert "# # Edited in JupyterLab\n" in source.read_text()
