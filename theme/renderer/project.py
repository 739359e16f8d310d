"""The site as described by mystmd: its pages in reading order, with their paths."""

import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .diagnostics import Diagnostics, Node, plain_text
from .provenance import Evidence
from .publication import Publication, read_publication
from .source import SourcePages

CITING = "report/cite.md"


@dataclass(frozen=True)
class Page:
    """One page: its path in the site and its syntax tree."""

    slug: str
    title: str
    path: str
    location: str
    kind: str
    frontmatter: dict[str, Any]
    tree: Node
    citations: dict[str, Any]

    @property
    def is_notebook(self) -> bool:
        """Whether the page is an executed notebook."""
        return self.kind == "Notebook"

    def relative(self, path: str) -> str:
        """Return the link from this page to `path`, both relative to the site's root."""
        return posixpath.relpath(path, posixpath.dirname(self.path) or ".")


@dataclass(frozen=True)
class Entry:
    """An entry of the navigation: a page, or a heading (no page) with child entries."""

    title: str
    page: Page | None
    children: list["Entry"] = field(default_factory=list)


@dataclass(frozen=True)
class Embed:
    """A notebook cell embedded in a page: the node of the page and the label of the cell."""

    page: Page
    node: Node
    label: str
    alt: str


@dataclass(frozen=True)
class Project:
    """The content of the site.

    `cells` maps the label of a cell to its page and anchor, `embeds` to the places that embed it.
    """

    title: str
    pages: list[Page]
    navigation: list[Entry]
    root: Path
    public: Path
    cells: dict[str, tuple[Page, str]]
    embeds: dict[str, list[Embed]]
    evidence: Evidence
    sources: SourcePages
    publication: Publication

    def cell_by_id(self, notebook: str, cell: str | None) -> tuple[Page, str] | None:
        """Return the page of a notebook and the anchor of a cell ("" if unknown)."""
        page = next((p for p in self.pages if Path(p.location).stem == notebook), None)
        if page is None:
            return None
        for node in walk(page.tree):
            known = (node.get("html_id"), f"{notebook}-{node.get('label')}")
            if node["type"] == "block" and cell in known:
                return page, node["html_id"]
        return page, ""

    def page_with_claims(self) -> Page | None:
        """Return the page that lists all claims; None if there is none."""
        return next((p for p in self.pages if any(map(_is_claims, walk(p.tree)))), None)

    @cached_property
    def statements(self) -> dict[str, list[tuple[Page, str]]]:
        """The places that state a claim, as pages and anchors, by the name of the claim.

        The anchors are added to the nodes of the pages.
        """
        found: dict[str, list[tuple[Page, str]]] = {}
        for page in self.pages:
            for node in walk(page.tree):
                name = node.get("data", {}).get("claim") if node["type"] == "span" else None
                if name in self.evidence.claims:  # an unknown one is an error of its own
                    places = found.setdefault(name, [])
                    again = sum(place[0] is page for place in places)
                    node["html_id"] = f"states-{name}" + (f"-{again + 1}" if again else "")
                    places.append((page, node["html_id"]))
        return found

    def page_on_citing(self) -> Page | None:
        """Return the page that says how to cite the report; None if there is none."""
        return next((page for page in self.pages if page.location == CITING), None)

    @cached_property
    def definitions(self) -> dict[str, tuple[Page, str]]:
        """The page and anchor of each term of a glossary, by the term."""
        return {
            plain_text(node): (page, node["html_id"])
            for page in self.pages
            for node in walk(page.tree)
            if node["type"] == "definitionTerm" and node.get("html_id")
        }

    def page_at(self, url: str) -> Page | None:
        """Return the page with the mystmd URL `url` ('/', '/notebooks/corpus')."""
        path = page_path(url.strip("/") or "index")
        return next((page for page in self.pages if page.path == path), None)


def page_path(slug: str) -> str:
    """Return the path of a page; folders are separated by dots in a slug, by slashes in a path."""
    return slug.replace(".", "/") + ".html"


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and its descendants in reading order."""
    yield node
    for child in node.get("children", []):
        yield from walk(child)


def read_project(site: Path, root: Path, diagnostics: Diagnostics) -> Project:
    """Read `_build/site`; a page in the table of contents without content is an error."""
    config = json.loads((site / "config.json").read_text(encoding="utf-8"))
    project = config["projects"][0]
    title = project.get("title", "")
    index = {"slug": project["index"], "title": title, "level": 1}
    pages: list[Page] = []
    navigation: list[Entry] = []
    open_entries: dict[int, list[Entry]] = {1: navigation}
    for item in [index, *project["pages"]]:
        page = None
        if slug := item.get("slug"):
            page = _read_page(site, slug, slug == project["index"])
            if page is None:
                diagnostics.add(
                    slug, None, "mystmd wrote no content for this page; see its errors above"
                )
                continue
            pages.append(page)
        entry = Entry(item.get("short_title") or item["title"], page)
        level = item["level"]
        open_entries[level].append(entry)
        open_entries[level + 1] = entry.children
    return Project(
        title=title,
        pages=pages,
        navigation=navigation,
        root=root,
        public=site / "public",
        cells=_cells(pages),
        embeds=_embeds(pages),
        evidence=Evidence(root, diagnostics),
        sources=SourcePages(project.get("github", "")),
        publication=read_publication(project),
    )


def _read_page(site: Path, slug: str, is_index: bool) -> Page | None:
    file = site / "content" / f"{slug}.json"
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    return Page(
        slug=slug,
        title=content["frontmatter"].get("title", slug),
        path="index.html" if is_index else page_path(slug),
        location=content["location"].lstrip("/"),
        kind=content["kind"],
        frontmatter=content["frontmatter"],
        tree=content["mdast"],
        citations=content.get("references", {}).get("cite", {}),
    )


def _is_claims(node: Node) -> bool:
    return node["type"] == "div" and node.get("class") == "claims"


def _cells(pages: list[Page]) -> dict[str, tuple[Page, str]]:
    return {
        node["label"]: (page, node["html_id"])
        for page in pages
        if page.is_notebook
        for node in walk(page.tree)
        if node["type"] == "block" and node.get("kind") == "notebook-code" and node.get("label")
    }


def _embeds(pages: list[Page]) -> dict[str, list[Embed]]:
    embeds: dict[str, list[Embed]] = {}
    for page in pages:
        for node in walk(page.tree):
            if label := node.get("source", {}).get("label"):
                alt = node.get("data", {}).get("alt") or node.get("alt", "")
                embeds.setdefault(label, []).append(Embed(page, node, label, alt))
    return embeds
