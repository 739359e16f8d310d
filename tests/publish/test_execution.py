import ast
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest

from tests.publish.conftest import make_project, tree
from wholescript.errors import ParameterError, RunError
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish import execution
from wholescript.publish.execution import run_notebook
from wholescript.publish.parameters import check_parameters
from wholescript.publish.provenance.read import read_records

LIGHT = """# %% tags=["parameters"]
seed = 0

# %% label="fig-light"
"""


def write_pair(project: Project) -> Path:
    """Write the .ipynb of a notebook as Jupytext does, without outputs."""
    path = project.notebooks / "01_tiny.ipynb"
    jupytext.write(jupytext.read(project.notebook_source("01")), path)
    return path


def test_published_notebook_is_written_next_to_its_source(executed: Project) -> None:
    notebook = nbformat.read(executed.notebooks / "01_tiny.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert [c.id for c in notebook.cells if "fig-" in c.id] == ["01_tiny-fig-line"]
    text = notebook.cells[3].outputs[0].text
    assert text == "part 0\npart 1\npart 2\n"
    assert sorted(path for path in tree(executed.root) if not path.startswith("notebooks")) == [
        "figures/01_tiny/fig-line.dark.png",
        "figures/01_tiny/fig-line.svg",
        "figures/01_tiny/plots.json",
        "figures/01_tiny/provenance.json",
        "figures/01_tiny/tbl-heights.csv",
        "results/tiny/runs.json",
    ]


def test_second_execution_changes_no_byte(executed: Project) -> None:
    before = tree(executed.root)
    run_notebook("01_tiny", project=executed)
    assert tree(executed.root) == before


def test_other_parameters_write_to_build_with_the_running_python(
    executed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["false"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    before = tree(executed.root)
    path = run_notebook("01", {"slope": "3", "title": 'It\'s "steep"'}, project=executed)
    assert tree(executed.root) == before
    assert path.parent.parent == executed.build / "runs"
    provenance = read_records(path.parent / "figures")["fig-line"]
    assert provenance["parameters"]["slope"] == 3.0
    assert provenance["published"] is False
    assert "-p slope 3.0" in provenance["command"]
    injected = nbformat.read(path, as_version=4).cells[2]
    assert injected.id == "01_tiny-injected-parameters"


ALL_KINDS = """# %% tags=["parameters"]
name = "a"
pair = (1, 2)
spans = [(0.5, 1.0)]
options = {"a": {"b": 1}}
extra = None
flag = True

# %%
from wholescript.publish.cells import begin_notebook

notebook = begin_notebook("01_tiny", globals())
assert notebook.resume_command == notebook.command
print(notebook.command)

# %%
print(ascii((name, pair, spans, options, extra, flag)))
"""


def test_parameters_arrive_as_declared_and_the_shown_command_makes_the_same(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", ALL_KINDS)
    name = '-- it\'s a "film"\n\t $HOME `x` \\ {0} über '
    typed = {"name": name, "pair": "[5, 6]", "spans": "[[1, 2], [3, 4]]", "flag": "FALSE"}
    typed |= {"options": '{"a": {"b": 2}, "ü": null}', "extra": ""}
    path = run_notebook("01", typed, project=project)
    command, values = (
        cell.outputs[-1].text for cell in nbformat.read(path, as_version=4).cells[2:]
    )
    expected = (name, (5, 6), [(1.0, 2.0), (3.0, 4.0)], {"a": {"b": 2}, "ü": None}, "", False)
    assert ast.literal_eval(values) == expected
    words = shlex.split(command)
    assert words[:4] == ["wholescript", "notebook", "run", "01_tiny"]
    assert words[4::3] == ["-p"] * 6
    again = check_parameters(project, "01", dict(zip(words[5::3], words[6::3], strict=True)))
    assert tuple(again[key] for key in ("name", "pair", "spans", "options", "extra", "flag")) == (
        expected
    )


TEXTS = """# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""
seed = 0
"""


def test_relative_path_is_one_from_the_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project", TEXTS)
    seen: list[str] = []

    def record(_: Project, __: Path, parameters: dict[str, Any], ___: Path) -> None:
        seen.append(parameters["path"])
        raise RunError("executed")

    monkeypatch.setattr(execution, "_execute", record)
    places = {"mine": str(tmp_path / "mine/a b/t.csv"), "project/data": "data/a b/t.csv"}
    for folder, expected in places.items():
        file = tmp_path / folder / "a b" / "t.csv"
        file.parent.mkdir(parents=True)
        file.touch()
        monkeypatch.chdir(tmp_path / folder)
        with pytest.raises(RunError, match="executed"):
            run_notebook("01", {"source": "local", "path": "a b/t.csv"}, project=project)
        assert seen.pop() == expected
    with pytest.raises(RunError, match="executed"):
        run_notebook("01", {"source": "hub", "path": "owner/name"}, project=project)
    assert seen.pop() == "owner/name"
    published = TEXTS.replace('"bundled"', '"local"').replace('""', '"data/a b/t.csv"')
    project.notebook_source("01").write_text(published)
    with pytest.raises(RunError, match="executed"):
        run_notebook("01", {"seed": 1}, project=project)
    assert seen == ["data/a b/t.csv"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": "-1"}, "seed=-1 must be a whole number, at least 0 and below 4,294,967,296"),
        ({"seed": 2**32}, "seed=4294967296 must be"),
        ({"source": "locl"}, "did you mean 'local'"),
        ({"source": "local"}, "source=local needs path"),
        ({"source": "local", "path": "data/no.csv"}, "data/no.csv' does not exist"),
        ({"path": "t.csv"}, "source=bundled reads no path"),
    ],
)
def test_nothing_is_executed_with_a_value_out_of_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr(execution, "_execute", None)
    project = make_project(tmp_path / "project", TEXTS)
    (project.root / "data").mkdir()
    (project.root / "data" / "no.csv").touch()  # of the repository, not of this folder
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match=message):
        run_notebook("01", given, project=project)


@pytest.mark.parametrize(("folder", "slope"), [(".", "3"), ("notebooks", "2.0")])
def test_papermill_keeps_published_output_whatever_the_parameters(
    executed: Project, folder: str, slope: str
) -> None:
    before = tree(executed.root)
    command = [sys.executable, "-m", "papermill", str(executed.notebooks / "01_tiny.ipynb")]
    command += ["_out.ipynb", "-p", "slope", slope, "--no-progress-bar"]
    where = executed.root / folder
    environment = {**os.environ, ROOT_VARIABLE: str(executed.root)}
    subprocess.run(command, cwd=where, env=environment, check=True, capture_output=True)
    (where / "_out.ipynb").unlink()
    assert tree(executed.root) == before
    assert len(list((executed.build / "runs").glob("01_tiny-*/figures/01_tiny/fig-line.svg"))) == 1


def test_nothing_is_executed_with_an_unknown_parameter(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("papermill was called")

    monkeypatch.setattr(execution.papermill, "execute_notebook", fail)
    with pytest.raises(ParameterError, match="did you mean 'slope'"):
        run_notebook("01_tiny", {"slop": 1}, project=project)


@pytest.mark.parametrize("given", [{}, {"seed": 1}])
def test_failed_cell_is_counted_as_its_author_does_and_the_old_notebook_kept(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    code = LIGHT.replace(' label="fig-light"', "") + "raise ValueError('broken')\n\n# %%\nseed\n"
    project = make_project(tmp_path / "project", code)
    old = write_pair(project)
    before = old.read_bytes()
    with pytest.raises(RunError, match="failed in cell 2 of 3: ValueError: broken"):
        run_notebook("01_tiny", given, project=project)
    assert old.read_bytes() == before
    assert len(list((project.build / "failed").glob("01_tiny*.ipynb"))) == 1


def test_dead_kernel_is_one_error_that_names_the_cell_and_what_is_kept(tmp_path: Path) -> None:
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    project = make_project(tmp_path / "project", LIGHT + kill)
    with pytest.raises(RunError, match=r"ended in cell fig-light: .* for lack of memory") as error:
        run_notebook("01_tiny", project=project)
    assert "_build/failed/01_tiny.ipynb. Runs that finished are stored" in str(error.value)
    assert "scale" not in str(error.value)  # this notebook has none
    assert (project.build / "failed" / "01_tiny.ipynb").exists()


def test_another_run_leaves_what_failed_and_a_second_of_the_same_is_refused(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path / "project {of} mine", LIGHT + "assert seed < 2\n")
    message = r"(?s)failed in cell fig-light: Assert.* is in (/.*/_build/failed/01_tiny-\w+.ipynb)"
    with pytest.raises(RunError, match=message) as error:
        run_notebook("01", {"seed": 2}, project=project)
    kept = project.root / str(error.value).rpartition(" is in ")[2]
    run_notebook("01", {"seed": 1}, project=project)
    with pytest.raises(RunError, match="_build/failed/01_tiny-"):
        run_notebook("01", {"seed": 3}, project=project)
    assert any("seed = 2" in cell.source for cell in nbformat.read(kept, 4).cells)
    with (
        execution._alone(project, "01_tiny"),
        pytest.raises(RunError, match="another command is executing 01_tiny"),
    ):
        run_notebook("01", project=project)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_killed_execution_keeps_the_old_notebook(tmp_path: Path, stop: signal.Signals) -> None:
    wait = "import time\nfrom pathlib import Path\nPath('started').touch()\ntime.sleep(60)\n"
    project = make_project(tmp_path / "project", LIGHT + wait)
    old = write_pair(project)
    before = old.read_bytes()
    command = [
        sys.executable,
        "-c",
        "from wholescript.cli import main; main()",
        "notebook",
        "run",
        "01",
    ]
    environment = {**os.environ, ROOT_VARIABLE: str(project.root)}
    # SIGINT is ignored in background processes: restore the default.
    restore_sigint = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=restore_sigint
    ) as process:
        while not (project.root / "started").exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(stop)
        _, errors = process.communicate(timeout=600)
    assert process.returncode != 0
    assert "Traceback" not in errors
    assert ("interrupted" in errors) is (stop is signal.SIGINT)
    assert old.read_bytes() == before
