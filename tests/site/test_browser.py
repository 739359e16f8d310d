"""The small site in Chromium, from a server and from files."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

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


def test_first_tap_shows_the_tooltip_and_the_second_follows_the_link(
    site: Path, visit: Callable
) -> None:
    page = visit(f"{site.as_uri()}/index.html", width=360, has_touch=True, is_mobile=True).page
    link = page.locator(".bound > a.result").first
    tooltip = page.locator(f"#{link.get_attribute('aria-describedby')}")
    link.tap()
    assert tooltip.is_visible() and page.url.endswith("/index.html")
    link.tap()
    page.wait_for_url("**/notebooks/demo.html#tbl-scores")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_only_the_images_of_one_colour_scheme_are_loaded(
    site: Path, serve: Callable[[Path], str], visit: Callable, colours: str
) -> None:
    page = visit(f"{serve(site)}/index.html", color_scheme=colours).page
    page.locator("img:visible").first.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    entries = "performance.getEntriesByType('resource').map(entry => entry.name)"
    loaded = [name for name in page.evaluate(entries) if name.endswith(".png")]
    assert loaded and all(("-dark." in name) == (colours == "dark") for name in loaded)


def test_row_of_a_wide_table_is_read_on_a_phone_without_scrolling(
    site: Path, visit: Callable
) -> None:
    page = visit(f"{site.as_uri()}/index.html", width=360).page
    box = page.locator("#table-scores .scroll")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    cells = box.locator("tbody tr:first-child > *")
    names = "cells => cells.map(cell => getComputedStyle(cell, '::before').content)"
    assert cells.evaluate_all(names) == [
        "none", '"auc"', '"average precision"', '"macro F1"', '"expected calibration error"',
        '"trained in"',
    ]  # fmt: skip
    tops = [cell.bounding_box()["y"] for cell in cells.all()]
    assert tops == sorted(set(tops))  # a line each
    page.set_viewport_size({"width": 1200, "height": 800})
    assert len({cell.bounding_box()["y"] for cell in cells.all()}) == 1


@pytest.mark.parametrize("selector", [".code > pre", ".equation .scroll"])
def test_shadow_shows_that_code_and_equations_scroll(
    site: Path, visit: Callable, selector: str
) -> None:
    page = visit(f"{site.as_uri()}/index.html", width=360).page
    box = page.locator(selector).first
    box.evaluate("box => box.firstElementChild.style.visibility = 'hidden'")

    def edges() -> list[int]:
        image = Image.open(io.BytesIO(box.screenshot())).convert("L")
        middle = image.height // 2
        return [image.getpixel((x, middle)) for x in (1, image.width // 2, image.width - 2)]

    left, ground, right = edges()
    assert left == ground > right
    box.evaluate("box => { box.scrollLeft = box.scrollWidth }")
    left, ground, right = edges()
    assert left < ground == right
