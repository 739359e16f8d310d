"""Room for code and tables, size of what is tapped, the list of pages, margins of print."""

from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest
from PIL import ImageChops

PAGES = ["index.html", "report/study.html", "notebooks/demo.html"]
MILLIMETRE = 72 / 25.4  # in points of a PDF


@pytest.mark.parametrize("width", [1200, 1440])
@pytest.mark.parametrize(
    ("path", "line"), [("index.html", 80), ("notebooks/demo.html", 88)], ids=["page", "notebook"]
)
def test_code_is_not_cut(site: Path, visit: Callable, path: str, line: int, width: int) -> None:
    page = visit(f"{site.as_uri()}/{path}", width=width).page
    cut = page.locator(".code > pre").first.evaluate(
        """(pre, line) => {
            pre.querySelector('code').textContent = '0'.repeat(line);
            return pre.scrollWidth - pre.clientWidth;
        }""",
        line,
    )
    assert cut == 0


def test_table_uses_the_width_and_scrolls_only_beyond_it(site: Path, visit: Callable) -> None:
    page = visit(f"{site.as_uri()}/notebooks/demo.html", width=1440).page
    widths = page.locator("#tbl-scores .scroll").evaluate(
        """box => {
            const prose = document.querySelector('.text-cell p').clientWidth;
            const narrow = [box.scrollWidth, box.clientWidth];
            box.querySelector('td').textContent = 'x'.repeat(90);
            return {prose, narrow, wide: [box.scrollWidth, box.clientWidth]};
        }"""
    )
    assert widths["narrow"][0] == widths["narrow"][1]
    assert widths["prose"] < widths["wide"][1] < widths["wide"][0]


@pytest.mark.parametrize("path", PAGES)
def test_targets_are_large_enough_to_tap(site: Path, visit: Callable, path: str) -> None:
    opened = visit(f"{site.as_uri()}/{path}", width=390, bypass_csp=True)
    assert opened.serious_findings("target-size") == []
    opened.page.click(".menu summary")
    assert opened.serious_findings("target-size") == []
    heights = opened.page.evaluate(
        """() => [...document.querySelectorAll(
            'nav a, button, summary, input, footer a, .figure-links a, .origin a, .byline a'
        )].filter(target => target.checkVisibility())
          .map(target => [target.textContent, target.getBoundingClientRect().height])"""
    )
    assert heights
    assert [target for target in heights if target[1] < 24] == []


@pytest.mark.parametrize("path", PAGES)
def test_current_page_is_in_view_in_the_list_of_pages(
    site: Path, visit: Callable, path: str
) -> None:
    page = visit(f"{site.as_uri()}/{path}", width=1200).page
    page.set_viewport_size({"width": 1200, "height": 180})
    page.reload()
    shown = page.locator("nav.pages [aria-current=page]").bounding_box()
    assert shown["y"] >= 0 and shown["y"] + shown["height"] <= 180
    assert page.evaluate("scrollY") == 0


def test_printed_page_has_margins(site: Path, visit: Callable) -> None:
    page = visit(f"{site.as_uri()}/index.html").page
    sheet = pypdfium2.PdfDocument(page.pdf(format="A4", prefer_css_page_size=True))[0]
    image = sheet.render(scale=1).to_pil().convert("L")
    left, top, right, _ = ImageChops.invert(image).getbbox()
    assert min(left, top, image.width - right) > 15 * MILLIMETRE
