"""Faults planted in a sound project stop the build, each with a message that names it.

A build reports all it finds, so faults that are found in the same step share one build.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

# Found by the theme, where mystmd says nothing: the text planted, and what must be said of it.
ON_A_PAGE = {
    "node without a rule": (
        ":::{iframe} https://example.org\n:::",
        "iframe: the theme has no rule for this node",
    ),
    "unknown role": (
        "{nosuchrole}`x`",
        "mystRole 'nosuchrole': the theme has no rule for this node",
    ),
    "unknown directive": (
        ":::{nosuch}\n:::",
        "mystDirective 'nosuch': the theme has no rule for this node",
    ),
    "missing embed": (
        ":::{figure} #fig-gone\n:alt: Nothing.\nGone.\n:::",
        "container 'fig-gone': missing embed: no cell labelled 'fig-gone' has an output",
    ),
    "missing image embed": (
        "![Nothing.](#fig-lost)",
        "embed 'fig-lost': missing embed: no cell labelled 'fig-lost' has an output",
    ),
    "dead link": (
        "[gone](./nofile.md)",
        "link './nofile.md': dead link: './nofile.md' is no page of this site",
    ),
    "reference without text": (
        "See [](#fig-lengths).",
        "crossReference 'fig-lengths': a reference to a notebook cell needs a text",
    ),
    "literal decimal": (
        "It reaches 0.771 in all.",
        "text 'It reaches 0.771 in all.': the number '0.771' reads like a result",
    ),
    "literal percentage": (
        "One in five, 18.4 %, is.",
        "text 'One in five, 18.4 %, is.': the number '18.4 %' reads like a result",
    ),
    "literal after a metric": (
        "An AUC of 1 is false.",
        "text 'An AUC of 1 is false.': the number 'AUC of 1' reads like a result",
    ),
    "unknown run": (
        "{result}`evaluation/tf_idf:auc`",
        "span '[{result}`evaluation/tf_idf:auc`]': there is no run 'evaluation/tf_idf' in results/;"
        " did you mean 'evaluation/tfidf'",
    ),
    "unknown difference": (
        "{difference}`evaluation/tfidf - evaluation/gated:auc`",
        "span '[{difference}`evaluation/tfidf - evaluat': no notebook stored the difference",
    ),
    "unknown claim": (
        "{claim}`So it is <words-are-beaten>`",
        "span 'So it is': there is no claim 'words-are-beaten' in report/claims.py; did you mean",
    ),
    "no alt text": ("![](bars.svg)", "image 'bars.svg': this image has no alt text"),
    "alt text made of the caption": (
        ":::{figure} ../report/bars.svg\nOnly a caption.\n:::",
        "image '../report/bars.svg': this image has no alt text",
    ),
    "embedded figure without alt text": (
        ":::{figure} #fig-lengths\n:label: figure-bare\nOnly a caption.\n:::",
        "container 'figure-bare': the figure of 'fig-lengths' has no alt text",
    ),
}
# Found by mystmd, as strictly as myst.yml asks.
BY_MYSTMD = {
    "bad reference": ("See [that](#nowhere).", '"#nowhere"'),
    "bad citation": ("As {cite:t}`nobody2020` says.", '"nobody2020"'),
    "dead anchor": ("[gone](../index.md#not-there)", "not-there"),
    "missing image": ("![Gone.](nofile.png)", '"nofile.png"'),
    "broken formula": ("$\\frac{a$", "\\frac{a"),
    "repeated label": ("(method)=\n### Method again", 'Duplicate identifier in file "method"'),
}


def append(project: Path, text: str) -> None:
    """Write a paragraph at the end of the study's page."""
    page = project / "report" / "study.md"
    page.write_text(f"{page.read_text('utf-8')}\n\n{text}\n", encoding="utf-8")


@pytest.fixture(scope="module")
def build_faulty(
    executed_project: Path, tmp_path_factory: pytest.TempPathFactory, build: Callable
) -> Callable[[Callable[[Path], None]], str]:
    """Build the small project with faults planted; return what was said as it failed."""

    def build_planted(plant: Callable[[Path], None]) -> str:
        project = tmp_path_factory.mktemp("faulty") / "project"
        shutil.copytree(executed_project, project, symlinks=True)
        plant(project)
        built = build(project)
        said = re.sub(r"\s+", " ", built.stdout + built.stderr)
        assert built.returncode != 0, f"the planted fault was not found: {said}"
        assert not list((project / "_build" / "html").glob("**/*")), "a faulty site was written"
        return said

    return build_planted


@pytest.fixture(scope="module")
def said_by_theme(build_faulty: Callable) -> str:
    return build_faulty(lambda project: [append(project, text) for text, _ in ON_A_PAGE.values()])


@pytest.fixture(scope="module")
def said_by_mystmd(build_faulty: Callable) -> str:
    return build_faulty(lambda project: [append(project, text) for text, _ in BY_MYSTMD.values()])


@pytest.mark.parametrize("fault", ON_A_PAGE)
def test_theme_names_page_line_and_node(said_by_theme: str, fault: str) -> None:
    message = re.escape(ON_A_PAGE[fault][1])
    assert re.search(rf"report/study\.md(:\d+)?: {message}", said_by_theme)


def test_theme_names_nothing_else(said_by_theme: str) -> None:
    assert f"The site has {len(ON_A_PAGE)} faults:" in said_by_theme


@pytest.mark.parametrize("fault", BY_MYSTMD)
def test_mystmd_names_page_and_target(said_by_mystmd: str, fault: str) -> None:
    message = re.escape(BY_MYSTMD[fault][1])
    assert re.search(rf"⛔️ (report/study|index)\.md\S* [^⛔]*{message}", said_by_mystmd)


def test_broken_claim_file(build_faulty: Callable) -> None:
    said = build_faulty(lambda project: (project / "report" / "claims.py").write_text("1 / 0"))
    assert "report/claims.py: report/claims.py cannot be run: ZeroDivisionError" in said


def test_figures_that_are_not_what_was_drawn(build_faulty: Callable) -> None:
    def plant(project: Path) -> None:
        figures = project / "figures"
        shutil.copy(figures / "fig-lengths.dark.png", figures / "fig-lengths.png")
        (figures / "tbl-scores.provenance.json").unlink()

    said = build_faulty(plant)
    assert "figures/fig-lengths.png is not the figure that the notebook shows" in said
    assert "'tbl-scores' has no passport in figures/: run its notebook again" in said


def test_scale_smoke_is_not_published(build_faulty: Callable) -> None:
    def plant(project: Path) -> None:
        file = project / "figures" / "fig-lengths.provenance.json"
        file.write_text(file.read_text().replace('"scale": "cpu"', '"scale": "smoke"'))

    assert "'fig-lengths' is of scale smoke, which is never published" in build_faulty(plant)


def test_broken_claim_is_shown_as_broken(
    executed_project: Path, tmp_path: Path, build: Callable
) -> None:
    project = tmp_path / "project"
    shutil.copytree(executed_project, project, symlinks=True)
    file = project / "results" / "evaluation" / "differences" / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics["evaluation/gated - evaluation/tfidf:auc"]["low"] = 0.004
    file.write_text(json.dumps(metrics))
    built = build(project)
    assert built.returncode == 0, built.stdout + built.stderr
    page = BeautifulSoup((project / "_build/html/index.html").read_text("utf-8"), "html.parser")
    claim = page.select_one("span.claim")
    assert "broken" in claim["class"] and "BROKEN" in claim.get_text()


def test_missing_page(build_faulty: Callable) -> None:
    said = build_faulty(lambda project: (project / "report" / "study.md").unlink())
    assert "report/study.md" in said


def test_outputs_that_cannot_be_shown(build_faulty: Callable) -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    drawing = {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": svg}}

    def plant(project: Path) -> None:
        file = project / "notebooks" / "01_demo.ipynb"
        notebook = json.loads(file.read_text("utf-8"))
        cells = {cell["metadata"].get("label"): cell for cell in notebook["cells"]}
        cells["fig-lengths"]["outputs"] = []
        cells["tbl-scores"]["outputs"] = [error]
        notebook["cells"][-1]["outputs"] = [drawing]
        file.write_text(json.dumps(notebook), encoding="utf-8")

    said = build_faulty(plant)
    assert "missing embed: no cell labelled 'fig-lengths' has an output" in said
    assert re.search(r"01_demo\.ipynb \(cell 'tbl-scores'\): .*the cell raised ValueError", said)
    assert "an SVG image may hold drawing only, found '<script'" in said
