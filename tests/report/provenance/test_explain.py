"""Why something is stale, on a small project that borrows the package and changes a copy of it."""

import json
import shutil
from pathlib import Path

import pytest

from wholescript.errors import RunError, WholeScriptError
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.publish.provenance.explain import verify_file, why
from wholescript.publish.provenance.notebook_state import notebook_fingerprint


@pytest.fixture
def own(executed: Project) -> Project:
    """The executed project with a copy of the package of its own, to be changed."""
    shutil.copytree(
        ROOT / "src" / "wholescript",
        executed.root / "src" / "wholescript",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return executed


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def said(project: Project, name: str = "01_tiny") -> list[str]:
    return [str(change) for change in why(project, name).changes]


def test_an_executed_notebook_is_current(own: Project) -> None:
    assert why(own, "01").current
    assert why(own, "tiny/line").current


def test_a_run_that_no_notebook_makes_is_said_to_be_a_commands(own: Project) -> None:
    RunStore(own.root / "results").save("texts/svm-s0", {"key": "0"}, {"accuracy": Metric(0.9)})
    with pytest.raises(RunError, match="no notebook makes texts/svm-s0: a command trained it"):
        why(own, "texts/svm-s0")


def test_a_changed_function_is_named_and_a_docstring_is_not(own: Project) -> None:
    module = own.source / "wholescript" / "report" / "style.py"
    edit(module, '"""Set the style of the report', '"""Choose the style of the report')
    assert said(own) == []
    edit(module, 'style="ticks"', 'style="white"')
    assert said(own) == ["function wholescript/report/style.py:set_style changed"]


def test_a_changed_method_is_named_with_its_class(own: Project) -> None:
    module = own.source / "wholescript" / "report" / "runs.py"
    edit(module, 'return str(self.config["key"])', 'return str(self.config["key"]) + ""')
    assert said(own) == ["function wholescript/report/runs.py:Run.key changed"]


def test_a_changed_cell_and_parameter_are_named(own: Project) -> None:
    edit(own.notebooks / "01_tiny.py", '"height", title=title', '"HEIGHT", title=title')
    assert said(own) == ["cell fig-line changed"]
    own.params.write_text("01_tiny:\n  slope: 3.0\n")
    assert said(own) == ["parameter slope was 2.0, is 3.0", "cell fig-line changed"]


def test_prose_of_a_notebook_does_not_make_it_stale(own: Project) -> None:
    edit(own.notebooks / "01_tiny.py", "Does a line with a slope rise?", "Does it rise?")
    assert said(own) == []


def test_a_changed_pin_is_named(own: Project) -> None:
    (own.root / "requirements.lock").write_text("matplotlib==0.1\nunrelated==2\n")
    (change,) = said(own)
    assert change.startswith("pin matplotlib was ") and change.endswith("is '0.1'")


def test_a_file_that_a_parameter_names_is_part_of_the_stamp(own: Project) -> None:
    (own.root / "films.csv").write_text("one")
    first = notebook_fingerprint(own, "01_tiny", {"title": "films.csv"})
    (own.root / "films.csv").write_text("two")
    second = notebook_fingerprint(own, "01_tiny", {"title": "films.csv"})
    assert first["files"].keys() == {"films.csv"} and first["files"] != second["files"]


def test_an_edited_figure_is_named(own: Project) -> None:
    edit(own.root / "figures" / "fig-line.json", '"tolerance":0.02', '"tolerance":0.5')
    (own.root / "figures" / "fig-line.csv").unlink()
    assert said(own) == [
        "file figures/fig-line.json was edited after it was drawn",
        "file figures/fig-line.csv is missing",
    ]


def test_a_notebook_that_was_never_executed_says_so(project: Project) -> None:
    assert said(project) == ["notebook 01_tiny has not been executed"]


def test_an_unknown_name_lists_what_there_is(executed: Project) -> None:
    with pytest.raises(RunError, match="did you mean 'tiny/line'"):
        why(executed, "tiny/lime")
    with pytest.raises(WholeScriptError, match="there are: 01_tiny"):
        why(executed, "07_none")


@pytest.mark.parametrize("name", ["fig-line.png", "fig-line.svg", "fig-line.dark.png"])
def test_a_saved_picture_is_verified_wherever_it_lies(
    own: Project, tmp_path: Path, name: str
) -> None:
    saved = tmp_path / ("saved" + Path(name).suffix)
    shutil.copy(own.root / "figures" / name, saved)
    assert verify_file(own, saved).current
    module = own.source / "wholescript" / "report" / "style.py"
    edit(module, "HEIGHT = 4.2", "HEIGHT = 4.3")
    assert [str(c) for c in verify_file(own, saved).changes] == [
        "module wholescript/report/style.py changed"
    ]


@pytest.mark.parametrize("name", ["fig-line.csv", "fig-line.json", "tbl-heights.csv"])
def test_saved_data_is_known_by_its_content(own: Project, tmp_path: Path, name: str) -> None:
    saved = tmp_path / name
    shutil.copy(own.root / "figures" / name, saved)
    assert verify_file(own, saved).current
    saved.write_text(saved.read_text() + "\n")
    with pytest.raises(RunError, match="no figure or table of this tree has its content"):
        verify_file(own, saved)


def test_a_repainted_picture_is_found(own: Project, tmp_path: Path) -> None:
    edit(own.root / "figures" / "fig-line.svg", "#0173b2", "#ff0000")
    assert [str(c) for c in verify_file(own, own.root / "figures" / "fig-line.svg").changes] == [
        "picture fig-line.svg edited"
    ]


def test_another_published_parameter_is_named(own: Project) -> None:
    own.params.write_text("01_tiny:\n  slope: 3.0\n")
    changes = [str(c) for c in verify_file(own, own.root / "figures" / "fig-line.png").changes]
    assert changes == ["parameter slope was 2.0, is 3.0"]


def test_a_file_that_is_not_there_is_an_error(own: Project, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no file"):
        verify_file(own, tmp_path / "none.png")


def test_passport_says_what_made_a_figure(executed: Project) -> None:
    provenance = json.loads((executed.root / "figures" / "fig-line.passport.json").read_text())
    assert provenance["cell"] == "01_tiny-fig-line"
    assert "notebooks/01_tiny.py" in provenance["modules"]
    assert "wholescript/report/figures.py" in provenance["modules"]
    assert {"python", "matplotlib", "pandas"} <= set(provenance["versions"])
    config = json.loads((executed.root / "results" / "tiny" / "line" / "config.json").read_text())
    assert config["cell"].startswith("01_tiny-cell-")
