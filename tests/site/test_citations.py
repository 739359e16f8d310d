"""Citations, references and terms: in the small project, and in the sources of the report."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.site.conftest import ROOT

BIBLIOGRAPHY = (ROOT / "report" / "references.bib").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^@\w+\{([\w-]+),\n(.*?)^\}", BIBLIOGRAPHY, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def index(site: Path) -> BeautifulSoup:
    return BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")


@pytest.fixture(scope="module")
def study(site: Path) -> BeautifulSoup:
    return BeautifulSoup((site / "report" / "study.html").read_text("utf-8"), "html.parser")


def _cited_keys() -> set[str]:
    """Return the keys in the pages, the notebooks and the table of published results."""
    sources = [ROOT / "index.md", *ROOT.glob("report/*.md"), *ROOT.glob("notebooks/*.py")]
    keys: set[str] = set()
    for source in sources:
        text = source.read_text(encoding="utf-8")
        for role in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text):
            keys |= {key.strip() for key in role.split(",")}
        for group in re.findall(r"\[(@[^\]]+)\]", text):
            keys |= set(re.findall(r"@([\w-]+)", group))
    published = ROOT / "src" / "wholescript" / "experiments" / "published.py"
    if published.is_file():
        keys |= {key for key in ENTRIES if f'"{key}"' in published.read_text(encoding="utf-8")}
    return keys


def test_every_work_is_cited_and_every_cited_work_is_there() -> None:
    cited = _cited_keys()
    assert sorted(set(ENTRIES) - cited) == [], "in report/references.bib, but cited nowhere"
    assert sorted(cited - set(ENTRIES)) == [], "cited, but not in report/references.bib"
    assert BIBLIOGRAPHY.count("\n@") == len(ENTRIES), "an entry has a key twice or no end"


def test_notebooks_cite_by_key() -> None:
    plain = re.compile(r"\((?:[^()]*, )?[A-Z]\w+ (?:et al\.|and [A-Z]\w+), (?:19|20)\d\d\b")
    for notebook in ROOT.glob("notebooks/*.py"):
        text = re.sub(r"\n# +", " ", notebook.read_text(encoding="utf-8"))
        assert not plain.search(text), f"{notebook.name}: write [@key]"


@pytest.mark.parametrize("key", ENTRIES)
def test_entry_has_author_title_year_and_link(key: str) -> None:
    fields = set(re.findall(r"^  (\w+) = \{.+\},?$", ENTRIES[key], re.MULTILINE))
    assert {"author", "title", "year"} <= fields
    assert fields & {"doi", "url"}, f"{key} has neither doi nor url"
    year = re.search(r"\d{4}", key)
    assert year and f"year = {{{year[0]}}}" in ENTRIES[key]


def test_citation_shows_author_year_and_the_reference_on_hover(study: BeautifulSoup) -> None:
    citation = study.select_one("a.citation[href='#cite-menon2021']")
    assert citation.get_text() == "Menon & Jayasumana, 2021"
    tooltip = study.find(id=citation["aria-describedby"])
    assert tooltip["role"] == "tooltip"
    assert "Long-tail learning via logit adjustment" in tooltip.get_text()
    assert not tooltip.select("a")
    assert study.find(id="cite-menon2021").find("a", rel="external")["href"].startswith("https://")


def test_references_of_a_page_are_sorted_by_author(study: BeautifulSoup) -> None:
    texts = [item.get_text() for item in study.select(".references li")]
    assert len(texts) == 2
    assert texts == sorted(texts)


def test_bibliography_lists_the_works_of_all_pages(index: BeautifulSoup) -> None:
    works = {item["id"]: item for item in index.select(".works li")}
    assert list(works) == ["cite-ilse2018", "cite-menon2021"]
    pages = [a["href"] for a in works["cite-ilse2018"].select(".cited-in a")]
    assert pages == ["report/study.html#cited-ilse2018"], "the other pages that cite it"
    assert not index.select(".references"), "the works stand twice on the page"


def test_term_links_its_definition_and_shows_it_on_hover(study: BeautifulSoup) -> None:
    term = study.select_one("a.term")
    assert term.get_text() == "folds"
    assert term["href"] == "../index.html#term-fold"
    definition = study.find(id=term["aria-describedby"]).get_text()
    assert definition == "A part of the films that is tested by models of the other parts."
