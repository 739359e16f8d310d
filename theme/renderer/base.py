"""What every rule of the theme stands on: dispatch by node type, anchors, links and files."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from .assets import Assets, png_size
from .drawing import UnsafeSVGError
from .diagnostics import Diagnostics, Node
from .project import Page, Project

EMPTY = Markup()
# Nodes that are one element around their children.
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
# Nodes that are nothing but their children.
TRANSPARENT = frozenset({"root"})
# Of these, figures set their numbers themselves.
INVISIBLE = frozenset({"comment", "mystComment", "mystTarget", "captionNumber"})


@dataclass(frozen=True)
class Link:
    """A link between pages, to be checked when all anchors are known."""

    node: Node
    path: str
    anchor: str


class Renderer:
    """Renders one page; afterwards `anchors`, `links` and `headings` say what it holds."""

    def __init__(
        self, project: Project, page: Page, assets: Assets, diagnostics: Diagnostics
    ) -> None:
        self.project = project
        self.page = page
        self.assets = assets
        self.diagnostics = diagnostics
        self.anchors: set[str] = set()
        self.links: list[Link] = []
        self.headings: list[tuple[int, str, Markup]] = []
        self._footnotes: list[Node] = []
        self._cell = ""

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
            self.fault(node, "the theme has no rule for this node; an unknown role or directive?")
            return EMPTY
        return rule(node)

    def children(self, node: Node) -> Markup:
        """Return the HTML of a node's children."""
        return EMPTY.join(self.node(child) for child in node.get("children", []))

    def fault(self, node: Node, message: str) -> None:
        """Record that `node` cannot be shown."""
        place = f" (cell '{self._cell}')" if self._cell else ""
        self.diagnostics.add(self.page.location + place, node, message)

    def element(self, tag: str, node: Node, inner: Markup, css: str = "") -> Markup:
        """Return `inner` in an element that carries the node's anchor."""
        css_class = Markup(' class="{}"').format(css) if css else EMPTY
        return Markup("<{0}{1}{2}>{3}</{0}>").format(tag, self.anchor(node), css_class, inner)

    def anchor(self, node: Node) -> Markup:
        """Return the id attribute of a node that can be linked to."""
        identifier = node.get("html_id")
        if not identifier:
            return EMPTY
        if identifier in self.anchors:
            self.fault(node, f"the anchor '{identifier}' is on this page twice")
        self.anchors.add(identifier)
        return Markup(' id="{}"').format(identifier)

    def href(self, node: Node, page: Page, anchor: str = "") -> str:
        """Return the relative link to a page, or to an anchor on it, and note it to be checked."""
        self.links.append(Link(node, page.path, anchor))
        if page is self.page and anchor:
            return f"#{anchor}"
        return self.page.relative(page.path) + (f"#{anchor}" if anchor else "")

    def public_file(self, node: Node, path: str) -> bytes | None:
        """Return a file that mystmd copied for the site; a missing one is a fault."""
        file = self.project.public / path.lstrip("/")
        if file.is_file():
            return file.read_bytes()
        self.fault(node, f"the file '{path}' is missing")
        return None

    def picture(
        self, node: Node, content: bytes, name: str, alt: str, width: int | None = None
    ) -> Markup:
        """Return an image; `width` is in CSS pixels, by default that of the file.

        A figure that was drawn for dark pages too (`figures/<label>.dark.png`) gives both images,
        of which the style sheet shows one.
        """
        dark = self.project.root / "figures" / f"{Path(name).stem}.dark.png"
        if not name.endswith(".png") or not dark.is_file():
            return self._image(node, content, name, alt, width)
        on_light = self._image(node, content, name, alt, width, "on-light")
        return on_light + self._image(node, dark.read_bytes(), dark.name, alt, width, "on-dark")

    def _image(
        self, node: Node, content: bytes, name: str, alt: str, width: int | None, css: str = ""
    ) -> Markup:
        try:
            path = self.assets.add(content, name)
        except UnsafeSVGError as error:
            self.fault(node, str(error))
            return EMPTY
        attributes = Markup(' class="{}"').format(css) if css else EMPTY
        if pixels := png_size(content):
            width = width or pixels[0]
            height = round(pixels[1] * width / pixels[0])
            attributes += Markup(' width="{}" height="{}"').format(width, height)
        return Markup('<img src="{}" alt="{}"{}>').format(self.page.relative(path), alt, attributes)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
