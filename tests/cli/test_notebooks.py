from pathlib import Path
from typing import Any

import pytest

from tests.shell import shell
from wholescript.data.films.sources import FILM_COLUMNS
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish import execution


@pytest.fixture(autouse=True)
def _project_root(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))


def test_parameters_of_run_are_name_value_pairs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []

    def record(name: str, overrides: dict[str, Any], *, project: Project) -> Path:
        seen.append(overrides)
        return project.root / "out.ipynb"

    monkeypatch.setattr(execution, "run_notebook", record)
    (project.root / "in").mkdir()
    monkeypatch.chdir(project.root / "in")
    result = shell(["notebook", "run", "01", "-p", "seed", "-7", "-p", "title", "a=b c"])
    assert result.exit_code == 0
    assert result.output == f"wrote {project.root}/out.ipynb\n"
    assert seen == [{"seed": "-7", "title": "a=b c"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["notebook", "run", "01", "-p", "sead", "7"], "no parameter 'sead'; did you mean 'seed'?"),
        (["notebook", "run", "01", "-p", "seed", "[x]"], "'seed' takes a whole number, not '[x]'"),
        (["notebook", "run", "09_none"], "no notebook is called '09_none'"),
        (["data", "features", "--source", "locl"], "locl"),
        (["data", "features", "--address", "here"], "--address here needs --executor ray"),
        (["tune", "none.yaml"], "the space none.yaml cannot be read"),
    ],
)
def test_errors_are_printed_without_traceback(arguments: list[str], message: str) -> None:
    result = shell(arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


TEXT = "A film about a ferry, written in one sentence that does not end. " * 5


@pytest.mark.parametrize(
    "arguments", [["site", "verify", TEXT], ["evaluate", "--store", TEXT, TEXT], ["tune", TEXT]]
)
def test_a_text_where_a_file_belongs_is_one_error(arguments: list[str]) -> None:
    result = shell(arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ") and TEXT[:40] in result.stderr
    assert "Traceback" not in result.output


def test_a_value_that_begins_with_hyphens_is_a_value(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def record(_: str, overrides: dict[str, Any], **__: Any) -> Path:
        seen.append(overrides["title"])
        return project.root

    monkeypatch.setattr(execution, "run_notebook", record)
    values = ["-", "-p", "--parameter", "--seed=3", "-- a", "", " "]
    for value in values:
        assert shell(["notebook", "run", "01", "-p", "title", value]).exit_code == 0
    assert seen == values


def test_help_names_the_columns_of_films() -> None:
    for command in (["notebook", "run"], ["data", "features"]):
        words = shell([*command, "--help"]).output.replace("│", " ").split()
        assert {*FILM_COLUMNS, "text"} <= {word.strip(",") for word in words}


def test_check_reports_problems(project: Project) -> None:
    result = shell(["site", "check"])
    assert result.exit_code == 1
    assert "01_tiny.ipynb is missing" in result.stderr
