import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wholescript.cli import app
from wholescript.project import ROOT_VARIABLE

Tree = Callable[..., Path]


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def checkout(make_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_tree("checkout")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.setenv("COLUMNS", "200")
    return root


def test_changes_since_a_commit_are_printed_and_written(checkout: Path) -> None:
    path = checkout / "results" / "tiny" / "runs.json"
    path.write_text(path.read_text().replace("0.7,", "0.6,").replace("0.7\n", "0.6\n"))
    for file in (checkout / "figures").glob("fig-auc.*"):
        file.unlink()
    result = CliRunner().invoke(app, ["diff", "HEAD"])
    assert result.exit_code == 0
    assert "fig-auc: is missing" in result.output
    assert "claim tfidf-ranks-well: does not hold, was holds" in result.output
    assert "1 of 1 metrics outside" in result.output
    page = (checkout / "_build" / "diff.html").read_text()
    assert "Changes since HEAD" in page
    assert page.count("<img") == 1  # embedded: the temporary checkout was deleted


def test_no_changes(checkout: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["diff", "HEAD", "--output", str(tmp_path / "out.html")])
    assert result.exit_code == 0
    assert (
        "0 of 1 metrics outside their tolerance, 0 of 2 figures and tables changed" in result.output
    )
    assert (tmp_path / "out.html").exists()
    assert not (checkout / "_build").exists()


def test_outputs_are_new_for_a_commit_without_them(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--orphan", "bare")
    git(checkout, "rm", "-rq", "--cached", ".")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "none")
    result = CliRunner().invoke(app, ["diff", "bare"])
    assert result.exit_code == 0
    assert "fig-auc: is new" in result.output
    assert "tfidf-ranks-well: holds, was missing" in result.output


@pytest.mark.parametrize("revision", ["no-such-branch", "--output=/tmp/x"])
def test_unknown_commit_is_an_error(checkout: Path, revision: str) -> None:
    result = CliRunner().invoke(app, ["diff", "--", revision])
    assert result.exit_code == 2
    assert f"{revision!r} is not a commit" in result.stderr
    assert not (checkout / "_build").exists()
