"""`wholescript site` builds only if an input has changed, and writes an archive."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.site.conftest import edit_results
from wholescript.project import Project
from wholescript.publish.site.archive import ARCHIVE, archive_errors
from wholescript.publish.site.build import build_site, input_times, site_key


def change_page(root: Path) -> None:
    page = root / "report" / "study.md"
    page.write_text(page.read_text("utf-8") + "\nA sentence more.\n", encoding="utf-8")


def change_metrics(root: Path) -> None:
    edit_results(root, "0.7512", "0.641")


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
    ("file", "input_of_the_site"),
    [
        ("index.md", True),
        ("CITATION.cff", True),
        ("report/new.md", True),
        ("notebooks/01_demo.py", True),
        ("figures/01_demo/plots.json", True),
        ("results/new/runs.json", True),
        ("theme/templates/page.html", True),
        ("README.md", False),
        ("theme/__pycache__/render.pyc", False),
        ("report/.study.md.swp", False),
    ],
)
def test_key_depends_on_the_inputs_of_the_site(
    project: Project, file: str, input_of_the_site: bool
) -> None:
    before = site_key(project), input_times(project)
    path = project.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b"\n")
    assert (site_key(project) != before[0]) is input_of_the_site
    assert (input_times(project) != before[1]) is input_of_the_site


def test_key_depends_on_modules_that_diagrams_link(project: Project) -> None:
    diagram = project.root / "report" / "diagrams" / "flow.svg"
    assert "wholescript/models/aggregators.py" in input_times(project)
    diagram.write_text(diagram.read_text("utf-8").replace("models.aggregators", "models.pooling"))
    assert "wholescript/models/aggregators.py" not in input_times(project)
    assert "wholescript/models/pooling.py" in input_times(project)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("report/study.md", "\n\n", "\n\n[gone](./nofile.md)\n\n", "dead link: './nofile.md'"),
        ("index.md", "title: ", "title: Part: ", "Invalid YAML frontmatter"),
    ],
)
def test_failed_build_is_not_current(
    project: Project, file: str, old: str, new: str, message: str
) -> None:
    page = project.root / file
    valid = page.read_text("utf-8")
    page.write_text(valid.replace(old, new, 1), encoding="utf-8")
    for _ in range(2):
        build = build_site(project, quiet=True)
        assert not build.ok
        assert message in build.output
    page.write_text(valid, encoding="utf-8")
    build = build_site(project, quiet=True)
    assert (build.ok, build.skipped) == (True, False)


def test_names_beyond_ascii_and_with_spaces_are_found(project: Project) -> None:
    report = project.root / "report"
    (report / "bars.svg").rename(report / "drei Säulen (2).svg")
    page = report / "study.md"
    text = page.read_text("utf-8").replace("(bars.svg)", "(<drei Säulen (2).svg>)")
    text += "\n(größe)=\n## Über die Größe\n\nSee [its section](#größe) and {ref}`größe`.\n"
    page.write_text(text, encoding="utf-8")
    front = project.root / "index.md"
    links = "See [there](#größe), or [there](report/study.md#größe)."
    front.write_text(f"{front.read_text('utf-8')}\n{links}\n", encoding="utf-8")
    build = build_site(project, quiet=True)
    assert build.ok, build.output
    html = (project.build / "html" / "report" / "study.html").read_text("utf-8")
    assert html.count('href="#größe"') >= 2 and 'id="größe"' in html
    assert "(größe)=" not in html and 'alt="A plain drawing of three bars."' in html
    linking = (project.build / "html" / "index.html").read_text("utf-8")
    assert linking.count('href="report/study.html#größe"') == 2


def test_site_built_by_mystmd_directly_is_built_again(project: Project, build: Callable) -> None:
    assert build(project.root).returncode == 0  # deletes the archive
    assert not build_site(project, quiet=True).skipped
    assert (project.build / "html" / ARCHIVE).exists()


def test_archive_is_byte_stable(project: Project, executed_project: Path, tmp_path: Path) -> None:
    other = Project(tmp_path / "elsewhere")
    shutil.copytree(executed_project, other.root, symlinks=True)
    build = build_site(other, quiet=True)
    assert build.ok, build.output
    first, second = (p.build / "html" / ARCHIVE for p in (project, other))
    assert first.read_bytes() == second.read_bytes()
    assert archive_errors(first) == []
