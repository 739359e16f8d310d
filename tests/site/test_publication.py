"""Title block, footer and citation: what `myst.yml`, `CITATION.cff` and the package say."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from bs4 import BeautifulSoup

from tests.site.conftest import ROOT
from wholescript import __version__

# The theme is on the path once conftest has been imported.
from renderer.publication import read_publication  # isort: skip

PERSON = {"family-names": "Ng", "given-names": "A. & B."}


@pytest.fixture(scope="module")
def cff() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def citation() -> ModuleType:
    path = ROOT / "theme" / "plugins" / "citation.py"
    spec = importlib.util.spec_from_file_location("citation", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_files_name_one_version_licence_date_and_author(cff: dict[str, Any]) -> None:
    project = yaml.safe_load((ROOT / "myst.yml").read_text(encoding="utf-8"))["project"]
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {cff["version"], package["version"], __version__} == {__version__}
    assert project["license"] == cff["license"] == package["license"]
    assert str(project["date"]) == str(cff["date-released"])
    assert project["authors"] == cff["authors"] == package["authors"]
    assert project.get("github") == cff.get("repository-code")


def test_reference_and_bibtex_are_made_from_the_citation_file(
    citation: ModuleType, cff: dict[str, Any]
) -> None:
    cff = cff | {"repository-code": "https://example.org/a_b"}
    year = str(cff["date-released"])[:4]
    assert citation.reference(cff) == (
        f"The Whole Script authors ({year}). {cff['title']}. Version {__version__}. "
        "https://example.org/a_b."
    )
    entry = citation.bibtex(cff).splitlines()
    assert entry[0] == f"@misc{{wholescript{year},"
    assert entry[1] == "  author = {{The Whole Script authors}},"
    assert f"  note   = {{Version {__version__}}}," in entry
    assert "  url    = {https://example.org/a_b}," in entry
    assert entry[-1] == "}"


def test_bibtex_of_persons(citation: ModuleType, cff: dict[str, Any]) -> None:
    entry = citation.bibtex(cff | {"authors": [PERSON, {"name": "A_Team"}]})
    assert r"  author = {Ng, A. \& B. and {A\_Team}}," in entry


@pytest.mark.parametrize(
    ("github", "services"),
    [
        ("https://github.com/someone/report", ["Colab", "Binder"]),
        ("https://git.example.org/someone/report", []),
        (None, []),
    ],
)
def test_notebooks_open_elsewhere_where_a_repository_is_set(
    github: str | None, services: list[str]
) -> None:
    urls = read_publication({"github": github}).notebook_services("notebooks/01_demo.ipynb")
    assert list(urls) == services
    for url in urls.values():
        assert re.search(r"/someone/report/(blob/)?main[/?].*01_demo\.ipynb$", url)


def test_title_block_has_what_is_set(site: Path) -> None:
    for path in ("index.html", "notebooks/demo.html"):
        page = BeautifulSoup((site / path).read_text("utf-8"), "html.parser")
        facts = [item.get_text(strip=True) for item in page.select("header.title .byline li")]
        assert facts[0] == "The Whole Script authors"
        assert re.fullmatch(r"\d+ \w+ \d{4}", facts[1])
        assert facts[2:] == [f"Version {__version__}", "MIT License"]
        assert page.select_one("main > footer li").get_text() == f"Whole Script {__version__}"


def test_page_shows_the_reference_and_its_bibtex(site: Path) -> None:
    page = BeautifulSoup((site / "report/study.html").read_text("utf-8"), "html.parser")
    assert page.find(string=re.compile(rf"^The Whole Script authors.*Version {__version__}"))
    assert page.find("code", string=re.compile("^@misc")) or "@misc{wholescript" in page.get_text()
