"""The pages of the report itself, built in place."""

from collections.abc import Callable, Iterable
from os.path import normpath
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def pages(published: Path) -> dict[str, BeautifulSoup]:
    paths = sorted(published.glob("**/*.html"))
    return {
        path.relative_to(published).as_posix(): BeautifulSoup(
            path.read_text("utf-8"), "html.parser"
        )
        for path in paths
    }


# The rules of axe whose outcome depends on colours.
COLOUR_RULES = ("color-contrast", "link-in-text-block")


def find_failures(published: Path, paths: Iterable[str], visit: Callable) -> dict:
    """Return what is wrong with pages on a phone, by page and colour scheme."""
    failures = {}
    for path in paths:
        address = f"{published.as_uri()}/{path}"
        for scheme, rules in (("light", ()), ("dark", COLOUR_RULES)):
            opened = visit(address, width=360, color_scheme=scheme, bypass_csp=True)
            problems = [*opened.errors, *opened.unloaded_images()]
            problems += [f"{opened.overflow()} px too wide"] * (opened.overflow() > 0)
            problems += [f"table {box} scrolls" for box in opened.scrolling("table")]
            if problems := [*problems, *map(str, opened.serious_findings(*rules))]:
                failures[path, scheme] = problems
            opened.page.close()
    return failures


def test_a_page_of_each_kind_loads_fits_a_phone_and_is_accessible(
    published: Path, pages: dict[str, BeautifulSoup], visit: Callable
) -> None:
    kinds = {
        (path.partition("/")[0], "notebook" in html.body["class"]): path
        for path, html in pages.items()
    }
    assert len(kinds) >= 3
    assert find_failures(published, kinds.values(), visit) == {}


@pytest.mark.slow
def test_every_page_loads_fits_a_phone_and_is_accessible(
    published: Path, pages: dict[str, BeautifulSoup], visit: Callable
) -> None:
    assert find_failures(published, pages, visit) == {}


def test_every_figure_table_and_number_has_provenance_and_its_cell(
    pages: dict[str, BeautifulSoup],
) -> None:
    figures, numbers, cells = 0, 0, set()
    for path, html in pages.items():
        for figure in html.select("figure:has(a.source)"):
            figures += 1
            cells.add((path, figure.select_one("a.source")["href"]))
            assert figure.select_one("details.provenance"), f"{path}: {figure.get('id')}"
        for number in html.select("a.result"):
            numbers += 1
            cells.add((path, number["href"]))
            assert "key" in html.find(id=number["aria-describedby"]).get_text()
        if "notebook" not in html.body["class"]:
            for figure in html.select("figure:has(img[src*='fig-'])"):
                assert figure.select_one("a.source"), f"{path}: {figure.get('id')}"
    assert figures and numbers
    for path, link in cells:
        file, _, anchor = link.partition("#")
        target = normpath(Path(path).parent / file) if file else path
        cell = pages[target].find(id=anchor)
        assert cell and "cell" in cell["class"], f"{path}: {link}"


def test_every_page_links_the_page_on_citing(pages: dict[str, BeautifulSoup]) -> None:
    for path, html in pages.items():
        link = html.find("footer").find("a", string="How to cite")
        assert normpath(Path(path).parent / link["href"]) == "report/cite.html", path
    assert "@misc{" in pages["report/cite.html"].get_text()


def test_front_page_loads_less_than_300_kb(
    published: Path, serve: Callable[[Path], str], browser: Browser
) -> None:
    page, responses = browser.new_page(), []
    page.on("response", lambda response: responses.append(response))
    page.goto(f"{serve(published)}/index.html", wait_until="networkidle")
    sizes = {response.url: len(response.body()) for response in responses}
    page.close()
    assert len(sizes) > 5  # the page, its style sheet, scripts and figure
    assert sum(sizes.values()) < 300_000, sizes


@pytest.mark.parametrize("width", [1200, 1440])
def test_front_page_fits_about_one_screen_of_a_desktop(
    published: Path, visit: Callable, width: int
) -> None:
    page = visit(f"{published.as_uri()}/index.html", width=width).page
    assert page.evaluate("document.documentElement.scrollHeight") <= 1200
    question, figure, table = (
        page.locator(f".text > {part}").first.bounding_box()
        for part in ("p", "figure:not(.table)", "figure.table")
    )
    doors = page.locator(".text > ul").bounding_box()
    assert figure["x"] >= question["x"] + question["width"]  # beside the text
    assert table["width"] >= figure["x"] + figure["width"] - question["x"] - 1
    assert width < 1440 or max(box["y"] + box["height"] for box in (doors, figure)) <= 900
    boxes = page.locator(".scroll").evaluate_all(
        "boxes => boxes.map(box => [box.scrollWidth, box.clientWidth])"
    )
    assert [box for box in boxes if box[0] > box[1]] == []


def test_tables_of_pages_have_no_blank_cell(pages: dict[str, BeautifulSoup]) -> None:
    reports = {path: html for path, html in pages.items() if not path.startswith("notebooks/")}
    blank = {"", "-", "\N{EN DASH}", "\N{EM DASH}"}
    found = {
        path: [str(c.parent)[:300] for c in html.select("main td") if c.get_text().strip() in blank]
        for path, html in reports.items()
    }
    assert not {path: cells for path, cells in found.items() if cells}
    assert len(reports["report/claims.html"].select(".claim-entry td[colspan]")) > 1


@pytest.mark.slow
@pytest.mark.parametrize("width", [1200, 1440])
def test_no_code_or_table_of_the_notebooks_is_cut(
    published: Path, pages: dict[str, BeautifulSoup], visit: Callable, width: int
) -> None:
    cut = {}
    for path in (path for path, html in pages.items() if "notebook" in html.body["class"]):
        opened = visit(f"{published.as_uri()}/{path}", width=width)
        boxes = opened.scrolling("pre"), opened.scrolling("table")
        if any(boxes) or opened.overflow() > 0:
            cut[path] = boxes, opened.overflow()
        opened.page.close()
    assert cut == {}
