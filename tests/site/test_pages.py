"""Content of the built pages."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for path in site.glob("**/*.html")
    }


def test_all_pages_of_the_table_of_contents_are_built(pages: dict[str, BeautifulSoup]) -> None:
    written = {path for path in pages if not path.startswith("source/")}
    assert written == {"index.html", "report/study.html", "notebooks/demo.html"}


def test_figure_has_image_caption_number_and_source(pages: dict[str, BeautifulSoup]) -> None:
    figure = pages["index.html"].select_one("figure#figure-lengths")
    assert figure is not None
    assert figure.img["alt"].startswith("Histogram of script lengths")
    assert figure.figcaption.get_text().startswith("Figure 1. Length of the scripts")
    assert figure.select_one("a.source")["href"] == "notebooks/demo.html#fig-lengths"
    assert figure.select_one("a.source").get_text() == "notebook cell"


def test_n_grams_do_not_break_at_their_hyphen(pages: dict[str, BeautifulSoup]) -> None:
    caption = pages["report/study.html"].select_one("figure#table-models figcaption")
    assert caption is not None
    assert "Two models of n-grams, with" in caption.get_text()
    assert [part.get_text() for part in caption.select(".nowrap")] == ["n-grams"]


def test_figure_links_its_exports(pages: dict[str, BeautifulSoup], site: Path) -> None:
    links = pages["index.html"].select("figure#figure-lengths .figure-links a")
    exports = {link.get_text(): link["href"] for link in links[1:]}
    assert set(exports) == {"SVG", "PNG", "data (CSV)"}
    assert all((site / path).is_file() for path in exports.values())


def test_figure_without_caption_links_its_source(pages: dict[str, BeautifulSoup]) -> None:
    figure = pages["report/study.html"].select_one("figure")
    assert figure.img["alt"] == "The same histogram again."
    assert figure.select_one("a.source")["href"] == "../notebooks/demo.html#fig-lengths"


def test_cell_links_the_pages_that_embed_it(pages: dict[str, BeautifulSoup]) -> None:
    cell = pages["notebooks/demo.html"].select_one("section.cell#fig-lengths")
    shown = {a["href"]: a.get_text() for a in cell.select(".figure-links a")}
    assert shown["../index.html#figure-lengths"] == "Whole Script (Figure 1)"
    assert cell.img["alt"].startswith("Histogram of script lengths")


def test_every_cell_has_an_anchor(pages: dict[str, BeautifulSoup]) -> None:
    cells = pages["notebooks/demo.html"].select("section.cell")
    assert len(cells) == 7
    assert all(cell.get("id") for cell in cells)


def test_cells_are_numbered_and_have_the_caption_of_the_page_or_their_own(
    pages: dict[str, BeautifulSoup],
) -> None:
    page, index = pages["notebooks/demo.html"], pages["index.html"]
    captions = [caption.get_text() for caption in page.select(".cell figcaption")]
    assert captions == [
        index.select_one("#figure-lengths figcaption").get_text(),
        "Table 1. Two models on the same folds.",
        "Figure 2. Lengths on a logarithmic axis, of <b>300</b> films.",
    ]
    own = page.select_one("#fig-logs")
    assert own.img["alt"] == captions[2].partition(". ")[2]
    assert "short-caption" not in own.get_text()


def test_text_of_a_notebook_names_the_figures_and_tables_below_it(
    pages: dict[str, BeautifulSoup],
) -> None:
    page = pages["notebooks/demo.html"]
    cited = [text.find_all("p")[-1] for text in page.select(".text-cell")]
    found = [text for text in cited if text.get_text().startswith("See ")]
    assert [text.get_text() for text in found] == ["See Figure 1.", "See Table 1 and Figure 2."]
    links = [link["href"] for text in found for link in text.select("a")]
    assert links == ["#fig-lengths", "#tbl-scores", "#fig-logs"]


def test_table_is_captioned_aligned_and_scrolls(pages: dict[str, BeautifulSoup]) -> None:
    figure = pages["index.html"].select_one("figure#table-scores")
    assert figure.figcaption.get_text().startswith("Table 1. Two models")
    row = figure.select_one("div.scroll table tbody tr:nth-of-type(2)")
    assert [cell.get("class") for cell in row.select("td")] == [
        None, ["num"], ["num"], ["num"], ["num"], None,
    ]  # fmt: skip
    assert row.select("td")[2].get_text() == "\N{MINUS SIGN}0.405"
    assert {cell["scope"] for cell in figure.select("thead th")} == {"col"}


def test_table_of_results_is_made_from_stored_runs(pages: dict[str, BeautifulSoup]) -> None:
    figure = pages["report/study.html"].select_one("figure#table-models")
    assert figure.figcaption.get_text().startswith("Table 1. Two models")
    rows = figure.select("tbody tr")
    numbers = [
        [link.get_text().replace("\N{NO-BREAK SPACE}", " ") for link in row.select("a.result")]
        for row in rows
    ]
    minus = "\N{MINUS SIGN}"
    assert numbers == [
        ["0.751 (0.710 to 0.791)", "1,364"],
        ["0.739 (0.701 to 0.778)", f"{minus}0.012 ({minus}0.030 to +0.006)", "1,364"],
    ]
    assert rows[0].select("td")[2].get_text() == "baseline"
    links = {link["href"] for link in figure.select("a.result")}
    assert links == {"../notebooks/demo.html#tbl-scores"}
    reference = pages["report/study.html"].select_one("a.reference[href='#table-models']")
    assert reference.get_text() == "Table\N{NO-BREAK SPACE}1"


def test_numbers_are_stored_results(pages: dict[str, BeautifulSoup]) -> None:
    shown = [link.get_text() for link in pages["index.html"].select("a.result")]
    minus = "\N{MINUS SIGN}"
    assert shown == ["1,364", "0.751 (0.710 to 0.791)", f"{minus}0.012 ({minus}0.030 to +0.006)"]
    assert pages["notebooks/demo.html"].select_one("a.result").get_text() == "0.75"


def test_number_links_its_cell_and_has_a_tooltip_on_its_run(
    pages: dict[str, BeautifulSoup],
) -> None:
    links = pages["index.html"].select("a.result")
    assert {link["href"] for link in links} == {"notebooks/demo.html#tbl-scores"}
    tooltips = [pages["index.html"].find(id=link["aria-describedby"]).get_text() for link in links]
    assert "run evaluation/tfidf, notebook 01_demo, seed 0, run profile cpu, key " in tooltips[0]
    assert re.search(r", made by (commit|code) [0-9a-f]{7}\b|, made by unknown code", tooltips[0])
    assert "run evaluation/gated" in tooltips[2] and "run evaluation/tfidf" in tooltips[2]


def test_claim_is_marked_and_links_its_evidence(pages: dict[str, BeautifulSoup]) -> None:
    claim = pages["index.html"].select_one("span.claim")
    assert "holds" in claim["class"] and claim.get_text().startswith("TF-IDF is not beaten.")
    assert claim.a["href"] == "report/study.html#claim-tfidf-is-not-beaten"
    about = claim.find(id=claim.a["aria-describedby"]).get_text()
    assert claim.a.get_text() == "checked" and about.startswith("Tested on the stored results")
    entry = pages["report/study.html"].find(id="claim-tfidf-is-not-beaten")
    assert entry.h3.get_text() == "Gated attention is not better than TF-IDF. holds"
    assert entry.p.get_text().startswith("The lower bound of the paired difference is not above")
    minus = "\N{MINUS SIGN}"
    (row,) = entry.select("tbody tr")
    assert row.th.get_text() == f"AUROC: gated {minus} tfidf"
    value, condition, holds = row.select("td")
    assert value.a.get_text() == f"{minus}0.0121 ({minus}0.0304 to 0.0062)"
    assert value.a["href"].startswith("../notebooks/demo.html#")
    assert (condition.get_text(), holds.get_text()) == (
        "lower bound \N{LESS-THAN OR EQUAL TO} 0",
        "yes",
    )


def test_listed_claim_links_the_places_that_state_it(pages: dict[str, BeautifulSoup]) -> None:
    page = pages["report/study.html"]
    link = page.find(id="claim-tfidf-is-not-beaten").select_one("p a")
    assert link.get_text() == "Whole Script"
    assert link["href"] == "../index.html#states-tfidf-is-not-beaten"
    assert "claim" in pages["index.html"].find(id="states-tfidf-is-not-beaten")["class"]
    headings = [heading.get_text() for heading in page.select(".claims h2")]
    assert headings == ["Whole Script", "Claims that no page states"]
    assert page.select(".claims section")[-1]["id"] == "claim-tfidf-above-chance"


def test_diagram_is_part_of_the_page_and_links_its_source(
    pages: dict[str, BeautifulSoup], site: Path
) -> None:
    figure = pages["report/study.html"].find(id="figure-flow")
    svg = figure.svg
    assert svg["aria-label"] == "One box, gated attention."
    assert not figure.img and not svg.select("[data-source]")
    assert svg.a.find("text").get_text() == "Gated attention & <more>"
    path, anchor = svg.a["href"].split("#")
    assert path == "../source/wholescript/models/aggregators.html"
    line = pages[path.removeprefix("../")].find(id=anchor)
    assert line.get_text().startswith("class GatedAttention(")
    assert svg.a.title.get_text() == (
        f"GatedAttention, line {anchor[1:]} of wholescript.models.aggregators"
    )
    drawn, file = figure.select(".figure-links a")
    assert drawn["href"].startswith("../source/wholescript/publish/diagrams/folds.html#L")
    assert (site / "report" / file["href"]).read_text("utf-8").startswith("<svg")


@pytest.mark.parametrize("figure", ["figure-lengths", "table-scores"])
def test_figures_and_tables_have_a_collapsed_provenance_record(
    pages: dict[str, BeautifulSoup], figure: str
) -> None:
    provenance = pages["index.html"].select_one(f"figure#{figure} details.provenance")
    terms = [term.get_text() for term in provenance.select("dt")]
    assert terms == [
        "Notebook cell", "Command", "Parameters", "Device", "Code", "Versions",
    ]  # fmt: skip
    text = provenance.get_text()
    for fact in ("wholescript notebook run 01_demo", "films=300", "scale=cpu", "seed=0"):
        assert fact in text
    assert provenance.a["href"].startswith("notebooks/demo.html#")
    assert provenance.find("p").a["href"] == "#term-provenance-record"


def test_output_of_notebooks_is_escaped(pages: dict[str, BeautifulSoup]) -> None:
    notebook = pages["notebooks/demo.html"]
    assert not notebook.select("script:not([src^='../assets/']), style, [onerror], [style]")
    assert "<script>alert('printed')</script> & bold" in notebook.select_one("pre.plain").get_text()
    assert "TF-IDF <img src=x onerror=alert(1)>" in notebook.select_one("#tbl-scores td").get_text()
    assert "with <script>alert('md')</script>" in notebook.get_text()


def test_markers_for_nbval_are_not_shown(pages: dict[str, BeautifulSoup], site: Path) -> None:
    code = [pre.get_text() for pre in pages["notebooks/demo.html"].select(".cell > .code > pre")]
    assert not [text for text in code if "NBVAL" in text]
    assert [text for text in code if text.startswith("tokens = ")]
    (notebook,) = site.glob("assets/*.ipynb")
    assert "NBVAL" in notebook.read_text("utf-8")


def test_formulas_are_mathml(pages: dict[str, BeautifulSoup]) -> None:
    equation = pages["index.html"].select_one("#eq-loss")
    assert equation.select_one("math[display=block]") is not None
    assert equation.select_one(".equation-number").get_text() == "(1)"
    assert not pages["index.html"].select(".katex-html")
    assert "\N{SCRIPT CAPITAL L}" in equation.get_text()


def test_footnotes_and_references_are_linked(pages: dict[str, BeautifulSoup]) -> None:
    index = pages["index.html"]
    assert index.select_one("#note-1 a[role=doc-backlink]")["href"] == "#note-back-1"
    assert index.select_one("a.citation")["href"] == "#cite-ilse2018"
    references = pages["report/study.html"].select(".references li")
    assert [item["id"] for item in references] == ["cite-ilse2018", "cite-menon2021"]


def test_links_are_relative_and_have_a_target(pages: dict[str, BeautifulSoup], site: Path) -> None:
    for path, page in pages.items():
        for tag in page.select("[href], [src]"):
            address = tag.get("href") or tag.get("src")
            if tag.get("rel") == ["external"]:
                continue
            target, _, anchor = address.partition("#")
            assert not re.match(r"[a-z]+:|/", target), f"{path}: {address} is not relative"
            file = (site / path).parent / target if target else site / path
            assert file.is_file(), f"{path}: {address} is dead"
            if anchor:
                linked = pages[file.resolve().relative_to(site.resolve()).as_posix()]
                assert linked.find(id=anchor), f"{path}: {address} has no anchor"


def test_navigation_marks_the_current_page(pages: dict[str, BeautifulSoup]) -> None:
    for path, page in pages.items():
        if path.startswith("source/"):
            continue
        current = page.select("nav.pages a[aria-current=page]")
        assert [Path(link["href"]).name for link in current] == [Path(path).name]


def test_anchors_are_unique(pages: dict[str, BeautifulSoup]) -> None:
    for page in pages.values():
        anchors = [tag["id"] for tag in page.select("[id]")]
        assert len(anchors) == len(set(anchors))


def test_pages_contain_no_local_path(site: Path) -> None:
    for page in site.glob("**/*.html"):
        assert str(site.parents[2]) not in page.read_text("utf-8")
