"""Renderer of citations, of the references of a page and of those of the whole site."""

import nh3
from markupsafe import Markup

from .base import EMPTY, Renderer
from .diagnostics import Node
from .project import Page, walk


class CitationRenderer(Renderer):
    """Renders the citations that mystmd resolved; the bibliography has the works of all pages."""

    def _on_cite_group(self, node: Node) -> Markup:
        narrative = node.get("kind") == "narrative"
        cites = Markup(", " if narrative else "; ").join(map(self.node, node["children"]))
        return cites if narrative else Markup("({})").format(cites)

    def _on_cite(self, node: Node) -> Markup:
        label, text = node["label"], self.children(node)
        work = self.source.citations.get("data", {}).get(label)
        if node.get("error") or work is None:
            self.error(node, f"bad citation: '{label}' is not in the bibliography")
            return text
        href = self.href(node, self.source, f"cite-{label}")
        cited = self.with_tooltip("citation", href, text, _reference(work, links=False))
        anchor = f"cited-{label}"
        if anchor in self.anchors or self.source is not self.page:
            return cited
        self.anchors.add(anchor)
        return Markup('<span id="{}">{}</span>').format(anchor, cited)

    def _on_bibliography(self, node: Node) -> Markup:
        """The works that any page of the site cites, each with links to the other pages."""
        works: dict[str, Node] = {}
        citing: dict[str, list[Page]] = {}
        for page in self.project.pages:
            for label, work in page.citations.get("data", {}).items():
                works[label] = work
                citing.setdefault(label, []).append(page)
        if not works:
            self.error(node, "no page cites anything: the bibliography would be empty")
        notes = {label: self._cited_in(node, label, pages) for label, pages in citing.items()}
        return self._reference_list(works, notes)

    def _cited_in(self, node: Node, label: str, pages: list[Page]) -> Markup:
        """Return links to the first citation of a work on each of the pages but this one."""
        links = Markup("; ").join(
            Markup('<a href="{}">{}</a>').format(
                self.href(node, page, f"cited-{label}"), page.title
            )
            for page in pages
            if page is not self.page
        )
        return (
            Markup(' <span class="cited-in">Cited in: {}</span>').format(links) if links else EMPTY
        )

    def _references(self) -> Markup:
        """The works that the page cites, unless the bibliography on it has them already."""
        works = self.page.citations.get("data", {})
        if not works or any(node["type"] == "bibliography" for node in walk(self.page.tree)):
            return EMPTY
        return self.end_section("references", "References", self._reference_list(works, {}))

    def _reference_list(self, works: dict[str, Node], notes: dict[str, Markup]) -> Markup:
        """Return a list of works by their text, thus by author and year."""
        items = EMPTY
        for label in sorted(works, key=lambda key: _reference(works[key], links=False).casefold()):
            self.anchors.add(f"cite-{label}")
            items += Markup('<li id="cite-{}">{}{}</li>').format(
                label, _reference(works[label], links=True), notes.get(label, EMPTY)
            )
        return Markup('<ul class="works">{}</ul>').format(items)


def _reference(work: Node, *, links: bool) -> Markup:
    """Return the text of a work as mystmd formats it, with external links or with none."""
    return Markup(
        nh3.clean(
            work["html"],
            tags={"a", "em", "i"} if links else {"em", "i"},
            attributes={"a": {"href"}},
            url_schemes={"http", "https"},
            link_rel="external",
        ).strip()
    )
