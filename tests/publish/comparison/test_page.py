from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from wholescript.publish.comparison.outputs import compare_outputs
from wholescript.publish.comparison.page import number, write_comparison

Tree = Callable[..., Path]
SIDES = ["v1 <b>", "working tree"]


def written_page(stored: Path, new: Path) -> BeautifulSoup:
    page = stored.parent / "page.html"
    write_comparison(compare_outputs(stored, new), page, title="Changes <i>", sides=SIDES)
    return BeautifulSoup(page.read_text(), "html.parser")


def test_page_shows_changes_with_both_images(make_tree: Tree) -> None:
    table = {"model": ["tfidf", "stacking"], "auc": [0.7, 0.6], "films": [10, 10]}
    new = make_tree("new", auc=0.63, colormap="magma", table=table)
    page = written_page(make_tree("stored"), new)
    assert page.h1 is not None and page.h1.get_text() == "Changes <i>"
    text = " ".join(page.get_text().split())
    assert "1 of 1 metrics out of tolerance, 2 of 2 figures and tables changed" in text
    assert [heading.get_text() for heading in page.find_all("h3")] == ["fig-auc", "tbl-auc"]
    assert [image["alt"] for image in page.find_all("img")] == [
        "fig-auc, v1 <b>",
        "fig-auc, working tree",
    ]
    sources = [str(image["src"]) for image in page.find_all("img")]
    assert sources[0] != sources[1]
    assert "colour map: 'magma' was 'viridis'" in text
    assert "row 2 (stacking), films: 10 was 20" in text
    assert (
        "0.7000 [0.6000, 0.8000] 0.6300 [0.6000, 0.8000] \N{MINUS SIGN}0.0700, out of tolerance"
        in text
    )
    assert "TF-IDF ranks films <i>well</i>. tfidf-ranks-well: does not hold, was holds" in text


def test_page_is_self_contained_and_escapes_text(make_tree: Tree) -> None:
    hostile = "<script>alert(1)</script>"
    page = written_page(make_tree("stored"), make_tree("new", legend=(hostile, "stacking")))
    assert hostile in page.get_text()
    assert not page.find_all(["script", "link", "i", "b"])
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in page("img"))
    assert "default-src 'none'" in str(page.find("meta", {"http-equiv": True}))


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (0.75123, "", "0.7512"),
        (-0.01, "+", "\N{MINUS SIGN}0.0100"),
        (0.01, "+", "+0.0100"),
        (16191.0, "", "16,191"),
        (None, "+", "missing"),
    ],
)
def test_number_format(value: float | None, sign: str, text: str) -> None:
    assert number(value, sign) == text
