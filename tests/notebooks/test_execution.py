import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from wholescript.files import ROOT
from wholescript.project import OUTPUT_VARIABLE, Project
from wholescript.publish.execution import run_notebook
from wholescript.publish.normalize import output_labels
from wholescript.publish.provenance.read import read_records

PROJECT = Project(ROOT)
NOTEBOOKS = PROJECT.notebook_names()
OVERRIDES = yaml.safe_load((Path(__file__).parent / "overrides.yaml").read_text())
ABSENT = yaml.safe_load((Path(__file__).parent / "absent.yaml").read_text())

# A notebook of each kind of data runs in the quick suite: films, their wins, documents.
QUICK = ("01_corpus", "09_label_sorted_split", "11_wins")


def test_every_notebook_has_its_overrides() -> None:
    assert sorted(OVERRIDES) == NOTEBOOKS


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NOTEBOOKS],
)
def test_smoke_run_writes_every_figure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OUTPUT_VARIABLE, str(tmp_path))
    run_notebook(name, OVERRIDES[name], project=PROJECT)
    declared = output_labels(jupytext.read(PROJECT.notebook_source(name)).cells)
    written = read_records(tmp_path / "figures").keys()
    assert written and written == declared - set(ABSENT.get(name, ()))


def test_libraries_ask_for_no_widgets_in_a_notebook() -> None:
    notebook = new_notebook(cells=[new_code_cell("import wholescript\nimport tqdm.auto")])
    NotebookClient(notebook).execute()
    assert notebook.cells[0].outputs == []


def nbval(option: str, notebook: str, root: Path = ROOT) -> tuple[int, str]:
    """Execute a notebook under nbval, as typed at the root of a checkout."""
    command = [sys.executable, "-m", "pytest", option, notebook, "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    return done.returncode, done.stdout


def published() -> dict[str, bytes]:
    """Return the content of all published files by path."""
    patterns = ("notebooks/*.*", "figures/**/*.*", "results/**/*.*")
    paths = (path for pattern in patterns for path in ROOT.glob(pattern))
    # Neither a lock nor the cache of a tool is published.
    files = [path for path in paths if path.is_file() and path.name != ".lock"]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_executed_notebook_is_reproduced_and_nothing_is_written(name: str) -> None:
    before = published()
    code, output = nbval("--nbval", f"notebooks/{name}.ipynb")
    assert code == 0, output[-4_000:]
    assert published() == before


def test_lax_nbval_detects_a_changed_result_and_no_changed_table(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "conftest.py", tmp_path / "notebooks")
    text = (PROJECT.notebooks / "01_corpus.ipynb").read_text()
    for before, after in (("max_tokens:", "top_tokens:"), ("<td>", "<td>about ")):
        assert before in text
        text = text.replace(before, after, 1)
    (tmp_path / "notebooks" / "01_corpus.ipynb").write_text(text)
    code, output = nbval("--nbval-lax", "notebooks/01_corpus.ipynb", tmp_path)
    assert code == 1
    assert "1 failed" in output and "top_tokens" in output
