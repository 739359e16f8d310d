"""`dvc.yaml`: it declares what the notebooks read and write, and DVC knows what is stale."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.publish.conftest import make_project
from wholescript.files import ROOT
from wholescript.project import ROOT_VARIABLE, Project

BIN = Path(sys.executable).parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
LOCKS = ("requirements.lock", "requirements-torch.lock")
NOTEBOOKS = Project(ROOT).notebook_names()
LIGHT = """# %% tags=["parameters"]
seed = 0  # random seed

# %%
if seed is None:
    import wholescript.models.small
"""
PIPELINE = """stages:
  01_tiny:
    cmd: wholescript notebook run 01_tiny
    deps: [notebooks/01_tiny.py, src/wholescript/models]
    outs:
    - notebooks/01_tiny.ipynb: {cache: false, persist: true}
"""


def test_every_notebook_is_a_stage_and_every_path_exists() -> None:
    assert list(STAGES) == NOTEBOOKS
    paths = {p for stage in STAGES.values() for p in (*stage["deps"], *outputs(stage))}
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_stage_declares_what_its_notebook_reads_and_writes(name: str) -> None:
    stage, source = STAGES[name], (ROOT / "notebooks" / f"{name}.py").read_text()
    assert stage["cmd"] == f"wholescript notebook run {name}"
    assert {f"notebooks/{name}.py", *LOCKS} <= set(stage["deps"])
    assert outputs(stage)[:2] == [f"notebooks/{name}.ipynb", f"figures/{name}"]
    studies = set(re.findall(r"wholescript\.studies\.(\w+)", source))
    recipes = [ROOT / f"src/wholescript/studies/{study}/recipe.yaml" for study in studies]
    assert {f"src/wholescript/studies/{study}" for study in studies} <= set(stage["deps"])
    for path in re.findall(r'^\w+ = "(\w+/[\w/]+\.\w+)"', source, re.MULTILINE):
        assert path in stage["deps"]
    group = r'\(\s*f?"(\w[\w-]*)'
    writing = "cross_validation_run|measure_run|record_metrics|record_differences"
    reading = r"load_or_run|end_to_end_runs"
    written = {f"results/{found}" for found in re.findall(f"(?:{writing}){group}", source)}
    read = {f"results/{found}" for found in re.findall(f"(?:{reading}){group}", source)}
    for recipe in (yaml.safe_load(path.read_text()) for path in recipes if path.exists()):
        read |= {f"results/{name}" for name in recipe.get("datasets", ())}
    assert set(outputs(stage)[2:]) == written
    assert read - written <= set(stage["deps"])


def test_fresh_clone_is_up_to_date_until_an_input_changes(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", LIGHT)
    module = project.root / "src" / "wholescript" / "models" / "small.py"
    module.parent.mkdir(parents=True)
    module.write_text("SIZE = 1\n")
    (project.root / "dvc.yaml").write_text(PIPELINE)
    shutil.copytree(
        ROOT / ".dvc", project.root / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache")
    )
    shutil.copy(ROOT / ".dvcignore", project.root)
    run(project.root, "git", "init", "--quiet")
    assert "Running stage '01_tiny'" in run(project.root, "dvc", "repro")
    (project.root / ".gitignore").write_text("_build/\n__pycache__/\n")
    run(project.root, "git", "add", ".")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    run(project.root, "git", *identity, "commit", "--quiet", "-m", "all")

    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(project.root), str(clone))
    compiled = clone / "src/wholescript/models/__pycache__"
    compiled.mkdir()
    (compiled / "small.pyc").touch()
    assert "up to date" in run(clone, "dvc", "status")
    assert "didn't change, skipping" in run(clone, "dvc", "repro")

    (clone / module.relative_to(project.root)).write_text("SIZE = 2\n")
    assert "src/wholescript/models" in run(clone, "dvc", "status")
    run(clone, "dvc", "repro")
    changed = run(clone, "git", "status", "--porcelain").split("\n")[:-1]
    assert changed == [" M dvc.lock", " M src/wholescript/models/small.py"]


def outputs(stage: dict[str, list[dict[str, object]]]) -> list[str]:
    return [path for out in stage["outs"] for path in out]


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
