"""Staleness reports, on a small project with its own copy of the package."""

import json
import shutil
from pathlib import Path

import pytest

from wholescript.errors import RunError, WholeScriptError
from wholescript.experiments.key import Identity
from wholescript.experiments.results import Metric, Results
from wholescript.experiments.store import RunStore
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.publish.provenance.explain import explain_staleness, verify_file
from wholescript.publish.provenance.notebook_state import notebook_fingerprint


@pytest.fixture
def own(executed: Project) -> Project:
    """The executed project with its own copy of the package, which tests change."""
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


def changes_of(project: Project, name: str = "01_tiny") -> list[str]:
    return [str(change) for change in explain_staleness(project, name).changes]


def test_executed_notebook_is_current(own: Project) -> None:
    assert explain_staleness(own, "01").current
    assert explain_staleness(own, "tiny/line").current


def test_run_of_a_command_is_an_error(own: Project) -> None:
    identity = Identity("document_classifier", 1, {}, {})
    RunStore(own.root / "results").save("set/svm-s0", identity, {"accuracy": Metric(0.9)})
    with pytest.raises(RunError, match="set/svm-s0 was trained by a command, not by a notebook"):
        explain_staleness(own, "set/svm-s0")


def test_changed_code_makes_a_notebook_stale_and_a_comment_does_not(own: Project) -> None:
    module = own.source / "wholescript" / "plots" / "style.py"
    edit(module, "\n\n", "\n\n# A comment.\n")
    assert changes_of(own) == []
    edit(module, 'style="ticks"', 'style="white"')
    assert changes_of(own) == ["source src/wholescript changed"]


def test_changed_cell_and_parameter_are_named(own: Project) -> None:
    edit(own.notebooks / "01_tiny.py", '"height", title=title', '"HEIGHT", title=title')
    assert changes_of(own) == ["cell fig-line changed"]
    own.params.write_text("01_tiny:\n  slope: 3.0\n")
    assert changes_of(own) == ["parameter slope was 2.0, is 3.0", "cell fig-line changed"]


def test_changed_markdown_does_not_make_a_notebook_stale(own: Project) -> None:
    edit(own.notebooks / "01_tiny.py", "Does a line with a slope rise?", "Does it rise?")
    assert changes_of(own) == []


def test_changed_pin_is_named(own: Project) -> None:
    (own.root / "requirements.lock").write_text("matplotlib==0.1\nunrelated==2\n")
    (change,) = changes_of(own)
    assert change.startswith("pin matplotlib was ") and change.endswith("is '0.1'")


def test_fingerprint_has_the_files_named_by_parameters(own: Project) -> None:
    (own.root / "films.csv").write_text("one")
    first = notebook_fingerprint(own, "01_tiny", {"title": "films.csv"})
    (own.root / "films.csv").write_text("two")
    second = notebook_fingerprint(own, "01_tiny", {"title": "films.csv"})
    assert first["files"].keys() == {"films.csv"} and first["files"] != second["files"]


def test_edited_figure_is_named(own: Project) -> None:
    edit(own.root / "figures" / "fig-line.json", '"tolerance":0.02', '"tolerance":0.5')
    (own.root / "figures" / "fig-line.csv").unlink()
    assert changes_of(own) == [
        "file figures/fig-line.json was changed after the notebook wrote it",
        "file figures/fig-line.csv is missing",
    ]


def test_notebook_that_was_never_executed_is_stale(project: Project) -> None:
    assert changes_of(project) == ["notebook 01_tiny has not been executed"]


def test_unknown_name_is_an_error_with_suggestions(executed: Project) -> None:
    with pytest.raises(RunError, match="did you mean 'tiny/line'"):
        explain_staleness(executed, "tiny/lime")
    with pytest.raises(WholeScriptError, match="there are: 01_tiny"):
        explain_staleness(executed, "07_none")


@pytest.mark.parametrize("name", ["fig-line.png", "fig-line.svg", "fig-line.dark.png"])
def test_saved_image_is_verified_by_its_embedded_record(
    own: Project, tmp_path: Path, name: str
) -> None:
    saved = tmp_path / ("saved" + Path(name).suffix)
    shutil.copy(own.root / "figures" / name, saved)
    assert verify_file(own, saved).current
    edit(own.source / "wholescript" / "plots" / "style.py", "HEIGHT = 4.2", "HEIGHT = 4.3")
    assert [str(c) for c in verify_file(own, saved).changes] == ["source src/wholescript changed"]


@pytest.mark.parametrize("name", ["fig-line.csv", "fig-line.json", "tbl-heights.csv"])
def test_saved_data_is_verified_by_its_content(own: Project, tmp_path: Path, name: str) -> None:
    saved = tmp_path / name
    shutil.copy(own.root / "figures" / name, saved)
    assert verify_file(own, saved).current
    saved.write_text(saved.read_text() + "\n")
    with pytest.raises(RunError, match="no figure or table of this checkout has its content"):
        verify_file(own, saved)


def test_edited_image_is_reported(own: Project, tmp_path: Path) -> None:
    edit(own.root / "figures" / "fig-line.svg", "#0173b2", "#ff0000")
    assert [str(c) for c in verify_file(own, own.root / "figures" / "fig-line.svg").changes] == [
        "file fig-line.svg was edited"
    ]


def test_changed_published_parameter_is_named(own: Project) -> None:
    own.params.write_text("01_tiny:\n  slope: 3.0\n")
    changes = [str(c) for c in verify_file(own, own.root / "figures" / "fig-line.png").changes]
    assert changes == ["parameter slope was 2.0, is 3.0"]


def test_missing_file_is_an_error(own: Project, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no file"):
        verify_file(own, tmp_path / "none.png")


def test_provenance_record_has_cell_and_versions(executed: Project) -> None:
    provenance = json.loads((executed.root / "figures" / "fig-line.provenance.json").read_text())
    assert provenance["cell"] == "01_tiny-fig-line"
    assert {"python", "matplotlib", "pandas"} <= set(provenance["versions"])
    config = Results(executed.root / "results").config("tiny/line")
    assert config["cell"].startswith("01_tiny-cell-")
