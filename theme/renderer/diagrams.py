"""Diagrams: SVG drawn by `wholescript.publish.diagrams`, set into the page with links to the code.

An SVG in an <img> has neither links nor the colours of the page, so that the drawing is made part
of the page: the style sheet colours it by class, and a part that names its source becomes a link to
the line that defines it.
"""

from pathlib import Path
from xml.etree import ElementTree as ET

from markupsafe import Markup

from wholescript.errors import RunError

from .base import EMPTY
from .claims import ClaimRenderer
from .diagnostics import Node
from .svg_safety import UnsafeSVGError

SVG = "http://www.w3.org/2000/svg"
CSS_CLASS = "diagram"
SOURCE = "data-source"
ET.register_namespace("", SVG)


class DiagramRenderer(ClaimRenderer):
    """Adds diagrams to the rendering of prose."""

    def _on_image(self, node: Node) -> Markup:
        shown = super()._on_image(node)  # which reports what is wrong with the file
        drawing = self._drawing(node) if shown else None
        if drawing is None:
            return shown
        drawing.attrib |= {"role": "group", "aria-label": node.get("alt", "")}
        for part in drawing.iter(f"{{{SVG}}}g"):
            if reference := part.attrib.pop(SOURCE, None):
                self._link_part(node, part, reference)
        drawing.attrib.pop(SOURCE, None)
        return Markup(ET.tostring(drawing, encoding="unicode"))

    def diagram_links(self, node: Node) -> Markup:
        """Return the links of the diagrams in a figure: to the code that draws it, and the file."""
        links = EMPTY
        for child in node.get("children", []):
            drawing = self._drawing(child) if child["type"] == "image" else None
            if drawing is None:
                continue
            name = Path(str(child.get("urlSource", child["url"]))).name
            try:
                file = self.assets.add(self.public_file(child, child["url"]) or b"", name)
            except UnsafeSVGError:  # reported with the image
                continue
            found = [
                self._source_link(child, drawing.get(SOURCE, ""), "drawn by"),
                Markup('<a href="{}" download="{}">SVG</a>').format(self.page.relative(file), name),
            ]
            links += self.figure_links(Path(name).stem, found)
        return links

    def figure_links(self, label: str, links: list[Markup]) -> Markup:
        """Return the list of links below a figure; empty ones are left out."""
        kept = [link for link in links if link]
        if not kept:
            return EMPTY
        items = EMPTY.join(Markup("<li>{}</li>").format(link) for link in kept)
        name = f"About {label}"
        return Markup('<ul class="figure-links" aria-label="{}">{}</ul>').format(name, items)

    def _drawing(self, node: Node) -> ET.Element | None:
        """Return the root of a diagram; None for other images."""
        path = self.project.public / str(node["url"]).lstrip("/")
        if path.suffix != ".svg" or not path.is_file():
            return None
        try:
            root = ET.fromstring(path.read_bytes())
        except ET.ParseError:
            return None
        return root if root.get("class") == CSS_CLASS else None

    def _link_part(self, node: Node, part: ET.Element, reference: str) -> None:
        """Make a link of a part of a drawing."""
        try:
            path, title = self.project.sources.link(reference)
        except RunError as error:
            self.error(node, str(error))
            return
        part.tag = f"{{{SVG}}}a"
        part.set("href", self.page.relative(path))
        title_element = ET.Element(f"{{{SVG}}}title")
        title_element.text = title
        part.insert(0, title_element)

    def _source_link(self, node: Node, reference: str, verb: str) -> Markup:
        if not reference:
            return EMPTY
        try:
            path, title = self.project.sources.link(reference)
        except RunError as error:
            self.error(node, str(error))
            return EMPTY
        name = reference.partition(":")[2]
        return Markup('<a href="{}" title="{}">{} <code>{}</code></a>').format(
            self.page.relative(path), title, verb, name
        )
