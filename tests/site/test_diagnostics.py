"""Errors in a project fail the build, each with a message.

A build reports all errors of a step, so errors of the same step share one build.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.site.conftest import edit_results

# Errors that only the theme finds: the inserted text and the expected message.
BY_THEME = {
    "node without a rule": (
        ":::{iframe} https://example.org\n:::",
        "iframe: the theme cannot render this node type",
    ),
    "unknown role": (
        "{nosuchrole}`x`",
        "mystRole 'nosuchrole': the theme cannot render this node type",
    ),
    "unknown directive": (
        ":::{nosuch}\n:::",
        "mystDirective 'nosuch': the theme cannot render this node type",
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
        "link './nofile.md': dead link: './nofile.md' is not a page of this site",
    ),
    "dead link with a space": (
        "[gone](<./né 1.md>)",
        "link './né 1.md': dead link: './né 1.md' is not a page of this site",
    ),
    "reference without text": (
        "See [](#fig-lengths).",
        "crossReference 'fig-lengths': a reference to a notebook cell needs a link text",
    ),
    "literal decimal": (
        "It reaches 0.771 in all.",
        "text 'It reaches 0.771 in all.': the number '0.771' looks like a result",
    ),
    "literal percentage": (
        "One in five, 18.4 %, is.",
        "text 'One in five, 18.4 %, is.': the number '18.4 %' looks like a result",
    ),
    "literal after a metric": (
        "An AUC of 1 is false.",
        "text 'An AUC of 1 is false.': the number 'AUC of 1' looks like a result",
    ),
    "unknown run": (
        "{result}`evaluation/tf_idf:auc`",
        "span '[{result}`evaluation/tf_idf:auc`]': there is no run 'evaluation/tf_idf' in results/;"
        " did you mean 'evaluation/tfidf'",
    ),
    "unknown run of a table": (
        ":::{results} evaluation/tf_idf\n:label: table-gone\n:metric: auc\n"
        ":baseline: evaluation/tfidf\n:n: evaluation/tfidf:films\nGone.\n:::",
        "span '[{results} evaluation/tf_idf]': there is no run 'evaluation/tf_idf' in results/; "
        "did you mean 'evaluation/tfidf'",
    ),
    "unknown difference": (
        "{difference}`evaluation/tfidf - evaluation/gated:auc`",
        "span '[{difference}`evaluation/tfidf - evaluat': no notebook stored the difference",
    ),
    "unknown claim": (
        "{claim}`So it is <tfidf-is-beaten>`",
        "span 'So it is': there is no claim 'tfidf-is-beaten' in report/claims.py; did you mean",
    ),
    "money": (
        "A seat cost $14, 30 more than the $9 of old.",
        "inlineMath '14, 30 more than the ': what is between two dollar signs is a formula, and "
        "this has the word 'more': write \\$ for money",
    ),
    "a range of money": (
        "Seats cost $3/$4 apiece.",
        "inlineMath '3/': what is between two dollar signs is a formula, and this has an amount "
        "that breaks off: write \\$ for money",
    ),
    "money with a currency code": (
        "Seats cost NZ$6/NZ$8 apiece.",
        "inlineMath '6/NZ': what is between two dollar signs is a formula, and this has an amount "
        "right after 'NZ': write \\$ for money",
    ),
    "an amount between dollars": (
        "Seats cost $16$ apiece.",
        "text '16': what is between two dollar signs is a formula, and this is only a number: "
        "write \\$16 for money, 16 for a number",
    ),
    "an amount after dollars": (
        "Seats cost 6$-8$ apiece.",
        "text '-8': what is between two dollar signs is a formula, and this has an amount right "
        "after '6': write \\$ for money",
    ),
    "a percentage between dollars": (
        "A share of $50\\%$.",
        "inlineMath '50\\%': the number '50%' in a formula looks like a result: write it after",
    ),
    "a decimal that a formula states": (
        "It is $p = 0.734$.",
        "inlineMath 'p = 0.734': the number '0.734' in a formula looks like a result",
    ),
    "hidden by per cent": (
        "It is $x% y$.",
        "inlineMath 'x% y': what is between two dollar signs is a formula, and this has a "
        "bare %: write \\$ for money",
    ),
    "label with a space": (
        "(drei Säulen)=\n### Three",
        "span '(drei Säulen)=': this labels nothing: write (drei-Säulen)= right before what it",
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
# Errors that mystmd finds with the settings of myst.yml.
BY_MYSTMD = {
    "bad reference": ("See [that](#nowhere).", '"#nowhere"'),
    "bad citation": ("As {cite:t}`nobody2020` says.", '"nobody2020"'),
    "dead anchor": ("[gone](../index.md#not-there)", "not-there"),
    "missing image": ("![Gone.](nofile.png)", '"nofile.png"'),
    "missing image with a space": ("![Gone.](<dé jà.png>)", '"dé jà.png"'),
    "bad reference beyond ASCII": ("See [that](#öde).", '"#öde"'),
    "dead anchor beyond ASCII": ("[gone](../index.md#öde-stelle)", "not found: öde-stelle"),
    "broken formula": ("$\\frac{a$", "\\frac{a"),
    "repeated label": ("(method)=\n### Method again", 'Duplicate identifier in file "method"'),
}


def append(project: Path, text: str) -> None:
    """Write a paragraph at the end of the study's page."""
    page = project / "report" / "study.md"
    page.write_text(f"{page.read_text('utf-8')}\n\n{text}\n", encoding="utf-8")


@pytest.fixture(scope="module")
def build_with_errors(
    executed_project: Path, tmp_path_factory: pytest.TempPathFactory, build: Callable
) -> Callable[[Callable[[Path], None]], str]:
    """Build the small project after a change that must fail; return the output."""

    def build_failing(change: Callable[[Path], None]) -> str:
        project = tmp_path_factory.mktemp("errors") / "project"
        shutil.copytree(executed_project, project, symlinks=True)
        change(project)
        built = build(project)
        output = re.sub(r"\s+", " ", built.stdout + built.stderr)
        assert built.returncode != 0, f"the error was not found: {output}"
        assert not list((project / "_build" / "html").glob("**/*")), (
            "a site with errors was written"
        )
        return output

    return build_failing


@pytest.fixture(scope="module")
def theme_output(build_with_errors: Callable) -> str:
    return build_with_errors(
        lambda project: [append(project, text) for text, _ in BY_THEME.values()]
    )


@pytest.fixture(scope="module")
def mystmd_output(build_with_errors: Callable) -> str:
    return build_with_errors(
        lambda project: [append(project, text) for text, _ in BY_MYSTMD.values()]
    )


@pytest.mark.parametrize("error", BY_THEME)
def test_theme_error_has_page_line_and_node(theme_output: str, error: str) -> None:
    message = re.escape(BY_THEME[error][1])
    assert re.search(rf"report/study\.md(:\d+)?: {message}", theme_output)


def test_theme_reports_no_other_errors(theme_output: str) -> None:
    assert f"The site has {len(BY_THEME)} errors:" in theme_output


@pytest.mark.parametrize("error", BY_MYSTMD)
def test_mystmd_error_has_page_and_target(mystmd_output: str, error: str) -> None:
    message = re.escape(BY_MYSTMD[error][1])
    assert re.search(rf"⛔️ (report/study|index)\.md\S* [^⛔]*{message}", mystmd_output)


def test_claims_py_that_fails_is_an_error(build_with_errors: Callable) -> None:
    output = build_with_errors(
        lambda project: (project / "report" / "claims.py").write_text("1 / 0")
    )
    assert "report/claims.py: report/claims.py cannot be run: ZeroDivisionError" in output


def test_changed_figures_and_missing_provenance_are_errors(build_with_errors: Callable) -> None:
    def change(project: Path) -> None:
        figures = project / "figures" / "01_demo"
        file = figures / "fig-lengths.svg"
        file.write_text(file.read_text("utf-8").replace("#7a1f2b", "#ff0000"), encoding="utf-8")
        plots = figures / "plots.json"
        plots.write_text(plots.read_text("utf-8").replace('"tolerance":0.02', '"tolerance":0.5'))
        provenance = json.loads((figures / "provenance.json").read_text())
        del provenance["outputs"]["tbl-scores"]
        provenance["outputs"]["fig-lengths"]["files"]["fig-lengths.png"] = "0"
        (figures / "provenance.json").write_text(json.dumps(provenance))

    output = build_with_errors(change)
    changed = "changed after the notebook wrote it"
    assert f"figures/01_demo/fig-lengths.svg was {changed}" in output
    assert f"figures/01_demo/plots.json: fig-lengths was {changed}" in output
    assert "fig-lengths.svg is not the figure that the notebook shows" in output
    assert "'tbl-scores' has no provenance record in figures/: run its notebook again" in output


def test_smoke_figure_is_an_error(build_with_errors: Callable) -> None:
    def change(project: Path) -> None:
        file = project / "figures" / "01_demo" / "provenance.json"
        file.write_text(file.read_text().replace('"scale": "cpu"', '"scale": "smoke"'))

    assert "'fig-lengths' was made with the run profile smoke" in build_with_errors(change)


def test_claim_that_does_not_hold_is_marked(
    executed_project: Path, tmp_path: Path, build: Callable
) -> None:
    project = tmp_path / "project"
    shutil.copytree(executed_project, project, symlinks=True)
    edit_results(project, "-0.0304", "0.004")
    built = build(project)
    assert built.returncode == 0, built.stdout + built.stderr
    page = BeautifulSoup((project / "_build/html/index.html").read_text("utf-8"), "html.parser")
    claim = page.select_one("span.claim")
    assert "broken" in claim["class"] and "does not hold" in claim.get_text()
    listed = (project / "_build/html/report/study.html").read_text("utf-8")
    entry = BeautifulSoup(listed, "html.parser").find(id="claim-tfidf-is-not-beaten")
    assert "broken" in entry["class"] and "does not hold" in entry.h3.get_text()
    assert entry.select_one("td strong").get_text() == "no"


def test_unknown_source_of_a_diagram_is_an_error(build_with_errors: Callable) -> None:
    def change(project: Path) -> None:
        file = project / "report" / "diagrams" / "flow.svg"
        file.write_text(file.read_text("utf-8").replace("GatedAttention", "GatedAttentoin"))

    message = "defines no 'GatedAttentoin'; did you mean 'GatedAttention'"
    assert message in build_with_errors(change)


def test_missing_page_is_an_error(build_with_errors: Callable) -> None:
    output = build_with_errors(lambda project: (project / "report" / "study.md").unlink())
    assert "report/study.md" in output


def test_invalid_outputs_are_errors(build_with_errors: Callable) -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    drawing = {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": svg}}

    def change(project: Path) -> None:
        file = project / "notebooks" / "01_demo.ipynb"
        notebook = json.loads(file.read_text("utf-8"))
        cells = {cell["metadata"].get("label"): cell for cell in notebook["cells"]}
        cells["fig-lengths"]["outputs"] = []
        cells["tbl-scores"]["outputs"] = [error]
        notebook["cells"][-1]["outputs"] = [drawing]
        file.write_text(json.dumps(notebook), encoding="utf-8")

    output = build_with_errors(change)
    assert "missing embed: no cell labelled 'fig-lengths' has an output" in output
    assert re.search(r"01_demo\.ipynb \(cell 'tbl-scores'\): .*the cell raised ValueError", output)
    assert "unsafe SVG: '<script' is not allowed" in output
