"""The small site in Chromium, from a server and from files."""

from collections.abc import Callable
from pathlib import Path

import pytest

PAGES = ["index.html", "report/study.html", "notebooks/demo.html"]


@pytest.fixture(params=["file", "server"])
def address(request: pytest.FixtureRequest, site: Path, serve: Callable[[Path], str]) -> str:
    return site.as_uri() if request.param == "file" else serve(site)


@pytest.mark.parametrize("path", PAGES)
def test_page_loads_completely_without_other_hosts(
    address: str, visit: Callable, path: str
) -> None:
    page = visit(f"{address}/{path}")
    assert page.errors == []
    assert page.unloaded_images() == []


@pytest.mark.parametrize("width", [360, 768, 1100, 1440])
def test_page_fits_its_window(site: Path, visit: Callable, width: int) -> None:
    pages = {path: visit(f"{site.as_uri()}/{path}", width=width).overflow() for path in PAGES}
    assert pages == dict.fromkeys(PAGES, 0)


def test_figure_link_opens_its_cell(address: str, visit: Callable) -> None:
    opened = visit(f"{address}/index.html")
    opened.page.click("#figure-lengths a.source")
    opened.page.wait_for_url("**/notebooks/demo.html#fig-lengths")
    assert opened.cell_in_view() == "fig-lengths"


def test_menu_opens_on_a_phone(site: Path, visit: Callable) -> None:
    opened = visit(f"{site.as_uri()}/index.html", width=360)
    opened.page.click(".menu summary")
    opened.page.click(".menu nav >> text=The study")
    opened.page.wait_for_url("**/report/study.html")
    assert opened.errors == []


def test_wide_table_scrolls_in_its_own_box(site: Path, visit: Callable) -> None:
    opened = visit(f"{site.as_uri()}/index.html", width=360)
    box = opened.page.locator("#table-scores .scroll")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
