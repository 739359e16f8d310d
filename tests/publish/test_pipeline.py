import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.publish.conftest import NOTEBOOK, make_project
from wholescript.errors import RunError
from wholescript.files import ROOT
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.pipeline import pipeline_texts, write_pipeline

BIN = Path(sys.executable).parent
LIGHT = """# %% tags=["parameters"]
seed = 0  # random seed

# %%
if seed is None:
    import wholescript.models.small
"""


def test_stage_has_inputs_and_outputs_of_its_notebook(project: Project) -> None:
    (project.root / "data").mkdir()
    (project.root / "data" / "films.parquet").touch()
    (project.root / "data" / "README.md").touch()
    (project.root / "own.json").touch()
    (project.notebooks / "02_next.py").write_text(
        '# %% tags=["parameters"]\nseed = 0\nown = "own.json"\nother = "none.json"\n\n# %%\n'
        'load_corpus()\nload_run("tiny/line")\nload_document_runs("letters")\n'
        'evaluate_run(f"next/{seed}", 1)\n'
    )
    texts = pipeline_texts(project)
    stages = yaml.safe_load(texts[project.root / "dvc.yaml"])["stages"]
    assert list(stages) == ["01_tiny", "02_next"]
    outs = [path for out in stages["01_tiny"]["outs"] for path in out]
    assert outs == [
        "notebooks/01_tiny.ipynb",
        "figures/fig-line.svg",
        "figures/fig-line.png",
        "figures/fig-line.dark.png",
        "figures/fig-line.json",
        "figures/fig-line.csv",
        "figures/fig-line.provenance.json",
        "figures/tbl-heights.csv",
        "figures/tbl-heights.provenance.json",
        "results/tiny",
    ]
    assert stages["02_next"]["deps"] == [
        "notebooks/02_next.py",
        "data/films.parquet",
        "results/letters",
        "results/tiny",
        "own.json",
    ]
    assert stages["02_next"]["outs"][1] == {"results/next": {"cache": False, "persist": True}}
    assert yaml.safe_load(texts[project.params])["01_tiny"]["slope"] == 2.0


def test_label_must_be_a_string_literal(project: Project) -> None:
    source = project.notebook_source("01_tiny")
    source.write_text(NOTEBOOK.replace('"fig-line")', "label)"))
    with pytest.raises(RunError, match=r"01_tiny\.py, 'label': write labels"):
        pipeline_texts(project)


def test_two_notebooks_with_one_output_are_an_error(project: Project) -> None:
    shutil.copy(project.notebook_source("01"), project.notebooks / "02_copy.py")
    with pytest.raises(RunError, match=r"fig-line\.svg is written by 01_tiny and by 02_copy"):
        pipeline_texts(project)


def test_fresh_clone_is_up_to_date_until_an_input_changes(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", LIGHT)
    module = project.root / "src" / "wholescript" / "models" / "small.py"
    module.parent.mkdir(parents=True)
    module.write_text("SIZE = 1\n")
    shutil.copytree(ROOT / ".dvc", project.root / ".dvc", ignore=shutil.ignore_patterns("tmp"))
    write_pipeline(project)
    run(project.root, "git", "init", "--quiet")
    assert "Running stage '01_tiny'" in run(project.root, "dvc", "repro")
    (project.root / ".gitignore").write_text("_build/\n")
    run(project.root, "git", "add", ".")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    run(project.root, "git", *identity, "commit", "--quiet", "-m", "all")

    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(project.root), str(clone))
    assert "up to date" in run(clone, "dvc", "status")
    assert "didn't change, skipping" in run(clone, "dvc", "repro")
    assert run(clone, "git", "status", "--porcelain") == ""

    (clone / module.relative_to(project.root)).write_text("SIZE = 2\n")
    (clone / "params.yaml").write_text("01_tiny: {seed: 7}\n")
    status = run(clone, "dvc", "status")
    assert "src/wholescript/models/small.py" in status
    assert "01_tiny.seed" in status


def run(folder: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        ROOT_VARIABLE: str(folder),
        "NO_COLOR": "1",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pipeline_of_this_repository_is_current() -> None:
    for path, text in pipeline_texts(Project(ROOT)).items():
        assert path.read_text() == text, f"{path.name}: run `wholescript pipeline`"
