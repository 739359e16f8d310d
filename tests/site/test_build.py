"""`wholescript site` builds only if an input has changed, and writes an archive."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wholescript.cli import app
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.site.archive import ARCHIVE, archive_errors
from wholescript.publish.site.build import build_site, site_key


def change_page(root: Path) -> None:
    page = root / "report" / "study.md"
    page.write_text(page.read_text("utf-8") + "\nA sentence more.\n", encoding="utf-8")


def change_metrics(root: Path) -> None:
    runs = root / "results" / "evaluation" / "runs.json"
    stored = json.loads(runs.read_text("utf-8"))
    stored["runs"]["tfidf"]["metrics"]["auc"]["value"] = 0.641
    runs.write_text(json.dumps(stored), encoding="utf-8")


def change_theme(root: Path) -> None:
    style = root / "theme" / "style.css"
    style.write_text(style.read_text("utf-8") + "\nmain { --planted: 1px; }\n", encoding="utf-8")


def pages(project: Project) -> str:
    return "".join(p.read_text("utf-8") for p in (project.build / "html").rglob("*.html"))


def test_second_build_is_skipped(project: Project) -> None:
    front = project.build / "html" / "index.html"
    front.write_text("unchanged")
    build = build_site(project, quiet=True)
    assert (build.ok, build.skipped, build.output) == (True, True, "")
    assert front.read_text() == "unchanged"


@pytest.mark.parametrize(
    ("change", "shown"), [(change_page, "A sentence more."), (change_metrics, "0.641")]
)
def test_change_is_built(project: Project, change: Callable[[Path], None], shown: str) -> None:
    assert shown not in pages(project)
    change(project.root)
    build = build_site(project, quiet=True)
    assert (build.ok, build.skipped) == (True, False), build.output
    assert shown in pages(project)
    assert build_site(project, quiet=True).skipped


@pytest.mark.parametrize(
    "file",
    [
        "myst.yml",
        "index.md",
        "report/new.md",
        "notebooks/01_demo.py",
        "notebooks/01_demo.ipynb",
        "figures/fig-lengths.svg",
        "results/evaluation/runs.json",
        "theme/render.py",
        "theme/templates/page.html",
    ],
)
def test_key_depends_on_the_inputs_of_the_site(project: Project, file: str) -> None:
    before = site_key(project)
    path = project.root / file
    content = path.read_bytes() if path.exists() else b""
    path.write_bytes(content + b"\n")
    assert site_key(project) != before
    path.write_bytes(content)
    if content:
        assert site_key(project) == before


@pytest.mark.parametrize(
    "file", ["README.md", "theme/__pycache__/render.pyc", "report/.study.md.swp"]
)
def test_key_does_not_depend_on_other_files(project: Project, file: str) -> None:
    before = site_key(project)
    path = project.root / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"something")
    assert site_key(project) == before


def test_failed_build_is_not_current(project: Project) -> None:
    page = project.root / "report" / "study.md"
    valid = page.read_text("utf-8")
    page.write_text(valid + "\n[gone](./nofile.md)\n", encoding="utf-8")
    for _ in range(2):
        build = build_site(project, quiet=True)
        assert not build.ok
        assert "dead link: './nofile.md'" in build.output
    page.write_text(valid, encoding="utf-8")
    build = build_site(project, quiet=True)
    assert (build.ok, build.skipped) == (True, False)


def test_site_built_by_mystmd_directly_is_built_again(project: Project, build: Callable) -> None:
    assert build(project.root).returncode == 0  # deletes the archive
    assert not build_site(project, quiet=True).skipped
    assert (project.build / "html" / ARCHIVE).exists()


def test_command(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    current = CliRunner().invoke(app, ["site"])
    assert (current.exit_code, current.output) == (0, "up to date: _build/html/index.html\n")
    change_theme(project.root)
    assert CliRunner().invoke(app, ["site"]).output == "built: _build/html/index.html\n"
    assert "Built 3 pages" in capfd.readouterr().out
    (project.root / "report" / "study.md").unlink()
    assert CliRunner().invoke(app, ["site"]).exit_code == 1
    assert "report/study.md" in "".join(capfd.readouterr())


def test_archive_is_byte_stable(project: Project, executed_project: Path, tmp_path: Path) -> None:
    other = Project(tmp_path / "elsewhere")
    shutil.copytree(executed_project, other.root, symlinks=True)
    build = build_site(other, quiet=True)
    assert build.ok, build.output
    first, second = (p.build / "html" / ARCHIVE for p in (project, other))
    assert first.read_bytes() == second.read_bytes()
    assert archive_errors(first) == []
