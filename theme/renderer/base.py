"""Base class of the renderers: dispatch by node type, anchors, links and files."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from .assets import Assets, png_size
from .diagnostics import Diagnostics, Node
from .project import Page, Project
from .svg_safety import UnsafeSVGError

EMPTY = Markup()
# Nodes rendered as one element around their children.
ELEMENTS = {
    "paragraph": "p",
    "emphasis": "em",
    "strong": "strong",
    "delete": "del",
    "underline": "u",
    "subscript": "sub",
    "superscript": "sup",
    "keyboard": "kbd",
    "blockquote": "blockquote",
    "definitionList": "dl",
    "definitionTerm": "dt",
    "definitionDescription": "dd",
    "details": "details",
    "summary": "summary",
}
# Nodes rendered as their children.
TRANSPARENT = frozenset({"root", "glossary"})
# Not rendered; figures render their numbers themselves.
INVISIBLE = frozenset({"comment", "mystComment", "mystTarget", "captionNumber"})


@dataclass(frozen=True)
class Link:
    """A link between pages, checked when all anchors are known."""

    node: Node
    path: str
    anchor: str


class Renderer:
    """Renders one page, and collects its `anchors`, `links` and `headings`."""

    def __init__(
        self, project: Project, page: Page, assets: Assets, diagnostics: Diagnostics
    ) -> None:
        self.project = project
        self.page = page
        self.source = page  # of the text: a notebook shows captions of other pages
        self.assets = assets
        self.diagnostics = diagnostics
        self.anchors: set[str] = set()
        self.links: list[Link] = []
        self.headings: list[tuple[int, str, Markup]] = []
        self._footnotes: list[Node] = []
        self._cell = ""
        self._n_tooltips = 0
        self._pngs: dict[str, bytes] = {}

    def node(self, node: Node) -> Markup:
        """Return the HTML of one node and all below it."""
        kind = node["type"]
        if kind in INVISIBLE:
            return EMPTY
        if kind in TRANSPARENT:
            return self.children(node)
        if tag := ELEMENTS.get(kind):
            return self.element(tag, node, self.children(node))
        rule: Callable[[Node], Markup] | None = getattr(self, f"_on_{_snake(kind)}", None)
        if rule is None:
            self.error(node, "the theme cannot render this node type: unknown role or directive?")
            return EMPTY
        return rule(node)

    def children(self, node: Node) -> Markup:
        """Return the HTML of a node's children."""
        return EMPTY.join(self.node(child) for child in node.get("children", []))

    def error(self, node: Node, message: str) -> None:
        """Record an error at `node`."""
        place = f" (cell '{self._cell}')" if self._cell else ""
        self.diagnostics.add(self.page.location + place, node, message)

    def element(self, tag: str, node: Node, inner: Markup, css: str = "") -> Markup:
        """Return `inner` in an element with the anchor of the node."""
        css_class = Markup(' class="{}"').format(css) if css else EMPTY
        return Markup("<{0}{1}{2}>{3}</{0}>").format(tag, self.anchor(node), css_class, inner)

    def anchor(self, node: Node) -> Markup:
        """Return the id attribute of a node; empty if it has no anchor."""
        identifier = node.get("html_id")
        if not identifier:
            return EMPTY
        if identifier in self.anchors:
            self.error(node, f"the anchor '{identifier}' occurs twice on this page")
        self.anchors.add(identifier)
        return Markup(' id="{}"').format(identifier)

    def href(self, node: Node, page: Page, anchor: str = "") -> str:
        """Return the relative link to a page, or to an anchor on it, and record it for checking."""
        self.links.append(Link(node, page.path, anchor))
        if page is self.page and anchor:
            return f"#{anchor}"
        return self.page.relative(page.path) + (f"#{anchor}" if anchor else "")

    def with_tooltip(self, css: str, href: str | None, text: Markup, about: Markup) -> Markup:
        """Return a link, with a tooltip that pointer and keyboard focus show."""
        self._n_tooltips += 1
        link = Markup(' href="{}"').format(href) if href is not None else EMPTY
        return Markup(
            '<span class="bound"><a class="{0}"{1} aria-describedby="about-{0}-{2}">{3}</a>'
            '<span class="about" role="tooltip" id="about-{0}-{2}" data-pagefind-ignore>{4}</span>'
            "</span>"
        ).format(css, link, self._n_tooltips, text, about)

    def public_file(self, node: Node, path: str) -> bytes | None:
        """Return the content of a file that mystmd copied; a missing one is an error."""
        file = self.project.public / path.lstrip("/")
        if file.is_file():
            return file.read_bytes()
        self.error(node, f"the file '{path}' is missing")
        return None

    def image(
        self, node: Node, content: bytes, name: str, alt: str, width: int | None = None
    ) -> Markup:
        """Return an image; `width` is in CSS pixels, by default that of the file.

        If there is a version for dark pages, both images are returned and the style sheet shows
        one.
        """
        label = Path(name).stem
        dark = self.project.evidence.files(label).get(".dark.png")
        if not name.endswith(".png") or dark is None:
            return self._image(node, content, name, alt, width)
        on_light = self._image(node, content, name, alt, width, "on-light")
        return on_light + self._image(node, dark, f"{label}.dark.png", alt, width, "on-dark")

    def _image(
        self, node: Node, content: bytes, name: str, alt: str, width: int | None, css: str = ""
    ) -> Markup:
        try:
            path = self.assets.add(content, name)
        except UnsafeSVGError as error:
            self.error(node, str(error))
            return EMPTY
        attributes = Markup(' class="{}"').format(css) if css else EMPTY
        if pixels := png_size(content):
            width = width or pixels[0]
            height = round(pixels[1] * width / pixels[0])
            attributes += Markup(' width="{}" height="{}"').format(width, height)
        # Of an image for light and dark pages, browsers then load only the one that they show.
        return Markup('<img loading="lazy" src="{}" alt="{}"{}>').format(
            self.page.relative(path), alt, attributes
        )

    def end_section(self, name: str, title: str, content: Markup) -> Markup:
        """Return a section at the end of a page, such as its notes."""
        self.headings.append((2, name, Markup.escape(title)))
        return Markup('<section class="{0}"><h2 id="{0}">{1}</h2>{2}</section>').format(
            name, title, content
        )


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
