"""The pages of the report itself, built in place."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from bs4 import BeautifulSoup

from wholescript.experiments.store import RunStore
from wholescript.files import ROOT

STORE = RunStore(ROOT / "results")


@pytest.fixture(scope="module")
def pages(published: Path) -> list[str]:
    return sorted(path.relative_to(published).as_posix() for path in published.glob("**/*.html"))


def test_every_page_loads_completely_without_other_hosts(
    published: Path, pages: list[str], visit: Callable
) -> None:
    failures = {}
    for path in pages:
        opened = visit(f"{published.as_uri()}/{path}")
        if problems := opened.errors + opened.unloaded_images():
            failures[path] = problems
    assert failures == {}


def test_every_page_fits_a_phone(published: Path, pages: list[str], visit: Callable) -> None:
    overflows = {
        path: visit(f"{published.as_uri()}/{path}", width=360).overflow() for path in pages
    }
    assert {path: pixels for path, pixels in overflows.items() if pixels > 0} == {}


def test_the_study_shows_figures(published: Path) -> None:
    study = BeautifulSoup((published / "report/screenplays.html").read_text("utf-8"), "html.parser")
    assert study.select("figure img")


def test_every_training_is_listed(published: Path) -> None:
    page = BeautifulSoup(
        (published / "report/training-runs.html").read_text("utf-8"), "html.parser"
    )
    listed = {row.th.text: [cell.text for cell in row("td")] for row in page.select("tbody tr")}
    runs = map(STORE.find, STORE.names())
    assert listed.keys() == {run.name for run in runs if "val_loss" in run.history}
    trainings, epochs, first, best = listed["banking77/scratch-tiny-s0"][:4]
    losses = STORE.find("banking77/scratch-tiny-s0").history["val_loss"]
    assert (trainings, epochs) == ("1", str(len(losses)))
    assert (float(first), float(best)) == (round(losses[0], 3), round(losses.min(), 3))


def test_every_figure_links_its_cell(published: Path, pages: list[str], visit: Callable) -> None:
    broken = []
    for path in pages:
        html = BeautifulSoup((published / path).read_text("utf-8"), "html.parser")
        for link in html.select("figure a.source"):
            address = (published / path).parent.resolve().as_uri() + "/" + link["href"]
            if visit(address).cell_in_view() != urldefrag(address).fragment:
                broken.append(f"{path}: {link['href']}")
    assert broken == []


def test_every_figure_on_a_markdown_page_has_a_source(published: Path, pages: list[str]) -> None:
    for path in pages:
        html = BeautifulSoup((published / path).read_text("utf-8"), "html.parser")
        if "notebook" in html.body["class"]:
            continue
        for figure in html.select("figure"):
            if figure.img and "fig-" in figure.img["src"]:
                assert figure.select_one("a.source"), f"{path}: {figure.get('id')}"


def test_every_figure_table_and_number_has_provenance(published: Path, pages: list[str]) -> None:
    figures, numbers = 0, 0
    for path in pages:
        html = BeautifulSoup((published / path).read_text("utf-8"), "html.parser")
        for figure in html.select("figure:has(a.source)"):
            figures += 1
            assert figure.select_one("details.provenance"), f"{path}: {figure.get('id')}"
        for number in html.select("a.result"):
            numbers += 1
            assert number.get("href"), f"{path}: {number.get_text()} has no link"
            assert "key" in html.find(id=number["aria-describedby"]).get_text()
    assert figures and numbers


def test_every_number_links_its_cell(published: Path, pages: list[str], visit: Callable) -> None:
    links = {
        (path, link["href"])
        for path in pages
        for link in BeautifulSoup((published / path).read_text("utf-8"), "html.parser").select(
            "a.result"
        )
    }
    broken = []
    for path, link in sorted(links):
        address = (published / path).parent.resolve().as_uri() + "/" + link
        if visit(address).cell_in_view() != urldefrag(address).fragment:
            broken.append(f"{path}: {link}")
    assert broken == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_findings(
    published: Path, pages: list[str], visit: Callable, scheme: str
) -> None:
    found = {
        path: visit(
            f"{published.as_uri()}/{path}", width=360, color_scheme=scheme, bypass_csp=True
        ).serious_findings()
        for path in pages
    }
    assert {path: serious for path, serious in found.items() if serious} == {}
