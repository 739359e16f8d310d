import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml

from wholescript.files import ROOT
from wholescript.project import OUTPUT_VARIABLE, Project
from wholescript.publish.execution import run_notebook
from wholescript.publish.normalize import output_labels
from wholescript.publish.provenance.read import read_records

PROJECT = Project(ROOT)
NOTEBOOKS = PROJECT.notebook_names()
OVERRIDES = yaml.safe_load((Path(__file__).parent / "overrides.yaml").read_text())


def test_every_notebook_has_its_overrides() -> None:
    assert sorted(OVERRIDES) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_smoke_run_writes_every_figure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OUTPUT_VARIABLE, str(tmp_path))
    run_notebook(name, OVERRIDES[name], project=PROJECT)
    declared = output_labels(jupytext.read(PROJECT.notebook_source(name)).cells)
    assert declared
    assert read_records(tmp_path / "figures").keys() == declared


def nbval(notebook: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Execute a notebook under nbval with a copy of the stored results."""
    shutil.copytree(ROOT / "results", folder / "results")
    monkeypatch.setenv(OUTPUT_VARIABLE, str(folder))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--rootdir", str(folder), str(notebook)],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_executed_notebook_is_reproduced(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output = nbval(PROJECT.notebooks / f"{name}.ipynb", tmp_path, monkeypatch)
    assert code == 0, output[-4_000:]


def test_nbval_detects_a_changed_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROJECT.notebooks / "01_corpus.ipynb").read_text()
    assert "max_tokens:" in text
    changed = tmp_path / "01_corpus.ipynb"
    changed.write_text(text.replace("max_tokens:", "top_tokens:", 1))
    code, output = nbval(changed, tmp_path, monkeypatch)
    assert code == 1
    assert "top_tokens" in output
