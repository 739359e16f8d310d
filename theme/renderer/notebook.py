"""Renderer of notebook cells, and of figures embedded from notebooks."""

import base64
import hashlib
import re
from collections import Counter
from typing import Any

from markupsafe import Markup

from . import markup
from .base import EMPTY
from .diagnostics import Node
from .diagrams import DiagramRenderer
from .prose import scrolling
from .provenance import provenance_rows
from .svg_safety import UnsafeSVGError

# MIME types in the order of preference of Jupyter.
MIME_TYPES = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/plain",
)
# Downloads of a figure or table, with their link texts.
EXPORTS = {".svg": "SVG", ".png": "PNG", ".csv": "data (CSV)"}
# Comments for nbval, not for readers.
_MARKER = re.compile(r"^# NBVAL_\w+\n?", re.MULTILINE)
NUMBERED = {"figure": "Figure", "table": "Table"}
# What a cell shows, by the start of its label.
KINDS = {"fig": "figure", "tbl": "table"}


class PageRenderer(DiagramRenderer):
    """Adds cells, outputs and embedded figures to the rendering of prose."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._numbers: dict[str, str] = {}  # of the figures and tables of cells, by label
        self._cited: dict[str, list[Node]] = {}  # those cells, by the anchor of the text above
        self._number_cells()

    def _number_cells(self) -> None:
        counts: Counter[str] = Counter()
        cells: list[Node] = []
        for block in self.page.tree.get("children", []):
            if block.get("kind") != "notebook-code":
                cells = self._cited.setdefault(block.get("html_id", ""), [])
                continue
            label = block.get("label", "")
            kind = KINDS.get(label[:3])
            if kind and any(_shows_output(child) for child in block["children"]):
                counts[kind] += 1
                self._numbers[label] = f"{NUMBERED[kind]} {counts[kind]}"
                cells.append(block)

    def _on_block(self, node: Node) -> Markup:
        if node.get("visibility") == "remove":
            return EMPTY
        if node.get("kind") == "notebook-code":
            return self._code_cell(node)
        if node.get("html_id"):
            text = self.children(node) + self._citation(self._cited.get(node["html_id"], []))
            return self.element("div", node, text, "text-cell")
        return self.children(node)

    def _citation(self, cells: list[Node]) -> Markup:
        """A sentence with the numbers of the figures and tables below a text."""
        if not cells:
            return EMPTY
        links = [
            Markup('<a href="#{}">{}</a>').format(cell["html_id"], self._numbers[cell["label"]])
            for cell in cells
        ]
        listed = Markup(" and ").join(filter(None, [Markup(", ").join(links[:-1]), links[-1]]))
        return Markup("<p>See {}.</p>").format(listed)

    def _code_cell(self, node: Node) -> Markup:
        label = node.get("label", "")
        self._cell = node.get("html_id", "")
        parts = EMPTY
        if "parameters" in " ".join(node.get("data", {}).get("tags", [])):
            parts += Markup('<p class="cell-title">Parameters</p>')
        caption = self._caption_of(node, label)
        for child in node.get("children", []):
            parts += self._in_cell(child, label, caption)
        if label:
            parts += self.figure_links(label, [self._shown_on(label), *self._exports(label)])
            parts += self._provenance(node, label)
        mark = Markup('<a class="anchor" href="#{}" aria-label="Link to this cell">#</a>')
        parts = mark.format(self._cell) + parts
        self._cell = ""
        return self.element("section", node, parts, "cell")

    def _in_cell(self, node: Node, label: str, caption: Markup) -> Markup:
        if node["type"] == "outputs":
            shown = self._outputs(node, label, self._alt(label, caption))
            return self._captioned(label, shown, caption) if label in self._numbers else shown
        visibility = node.get("visibility", "show")
        if visibility == "remove":
            return EMPTY
        shown = self.node(node | {"value": _MARKER.sub("", node.get("value", ""))})
        if visibility == "hide":
            return Markup("<details><summary>Code</summary>{}</details>").format(shown)
        return shown

    def _caption_of(self, node: Node, label: str) -> Markup:
        """Return the caption on the page that embeds the cell, or else the cell's own.

        That is a comment at its start, `#| short-caption: ...`, which mystmd makes data of.
        """
        for embed in reversed(self.project.embeds.get(label, [])):
            for child in embed.node.get("children", []):
                if child["type"] == "caption":
                    self.source = embed.page
                    text = self.children(child)
                    self.source = self.page
                    return text
        own = node.get("data", {}).get("short-caption", "")
        return Markup("<p>{}</p>").format(own)

    def _captioned(self, label: str, shown: Markup, caption: Markup) -> Markup:
        """A figure or table with its caption, numbered on this page."""
        kind = KINDS[label[:3]]
        caption = self._numbered(caption, self._numbers[label])
        inner = caption + shown if kind == "table" else shown + caption
        return Markup('<figure class="{}">{}</figure>').format(kind, inner)

    def _alt(self, label: str, caption: Markup) -> str:
        """Return the alt text given by the page that embeds the cell, or else the caption."""
        alts = (embed.alt for embed in self.project.embeds.get(label, []) if embed.alt)
        return next(alts, caption.striptags() or "Output of the code above")

    # --- figures ----------------------------------------------------------------------------

    def _on_container(self, node: Node) -> Markup:
        """A figure, table or listing with its caption; with a source, the output of a cell."""
        label = node.get("source", {}).get("label", "")
        name, number = NUMBERED.get(node.get("kind", "")), node.get("enumerator")
        title = f"{name} {number}" if name and number else ""
        inner = EMPTY
        for child in node.get("children", []):
            if child["type"] == "caption":
                inner += self._caption(child, title)
            elif child["type"] == "legend" or not label:
                inner += self.node(child)
        if label:
            content, source = self._from_cell(node, label), self._source(node, label)
            inner = inner + content if node.get("kind") == "table" else content + inner
            inner += source
        else:
            inner += self.diagram_links(node)
        return self.element("figure", node, inner, node.get("kind", "figure"))

    def _on_embed(self, node: Node) -> Markup:
        """The output of a cell without caption and number."""
        label = node.get("source", {}).get("label", "")
        inner = self._from_cell(node, label) + self._source(node, label)
        return self.element("figure", node, inner, "figure")

    def _on_legend(self, node: Node) -> Markup:
        return Markup('<div class="legend">{}</div>').format(self.children(node))

    def _caption(self, node: Node, number: str) -> Markup:
        return self._numbered(self.children(node), number)

    def _numbered(self, text: Markup, number: str) -> Markup:
        if number:
            mark = Markup('<p><span class="number">{}.</span> ').format(number)
            text = text.replace(Markup("<p>"), mark, 1)
        return Markup("<figcaption>{}</figcaption>").format(text)

    def _from_cell(self, node: Node, label: str) -> Markup:
        alt = next((e.alt for e in self.project.embeds.get(label, []) if e.node is node), "")
        content = EMPTY
        for child in node.get("children", []):
            if child["type"] == "outputs":
                content += self._outputs(child, label, alt)
            elif child["type"] not in ("caption", "legend", "_lift"):
                content += self.node(child)
        if not content:
            self.error(node, f"missing embed: no cell labelled '{label}' has an output")
        elif label not in self.project.cells:
            self.error(node, f"'{label}' is not the label of a notebook's code cell")
        elif "<img" in content and not alt:
            self.error(node, f"the figure of '{label}' has no alt text: add an :alt: option")
        return content

    def _source(self, node: Node, label: str) -> Markup:
        if label not in self.project.cells:
            return EMPTY
        page, anchor = self.project.cells[label]
        link = Markup('<a class="source" href="{}">notebook cell</a>').format(
            self.href(node, page, anchor)
        )
        links = self.figure_links(label, [link, *self._exports(label)])
        return links + self._provenance(node, label)

    def _provenance(self, node: Node, label: str) -> Markup:
        """The collapsed provenance record of a figure or table; a missing one is an error."""
        provenance = self.project.evidence.records.get(label)
        if provenance is None:
            if label.startswith(("fig-", "tbl-")):
                self.error(
                    node, f"'{label}' has no provenance record in figures/: run its notebook again"
                )
            return EMPTY
        if provenance["parameters"].get("scale") == "smoke":
            self.error(
                node, f"'{label}' was made with the run profile smoke, which is not published"
            )
        page, anchor = self.project.cells.get(label, (self.page, ""))
        rows = [
            (
                "Notebook cell",
                Markup('<a href="{}">{}</a>').format(
                    self.href(node, page, anchor), f"{provenance['notebook']}, {label}"
                ),
            ),
            *provenance_rows(provenance),
        ]
        items = EMPTY.join(Markup("<dt>{}</dt><dd>{}</dd>").format(*row) for row in rows)
        about = EMPTY
        if defined := self.project.definitions.get("Provenance record"):
            about = Markup('<p><a href="{}">What is a provenance record?</a></p>').format(
                self.href(node, *defined)
            )
        fold = '<details class="provenance"><summary>Provenance</summary><dl>{}</dl>{}</details>'
        return Markup(fold).format(items, about)

    def _shown_on(self, label: str) -> Markup:
        """Return links from a cell to the pages that embed its output."""
        links = []
        for embed in self.project.embeds.get(label, []):
            kind, number = embed.node.get("kind", ""), embed.node.get("enumerator")
            name = f" ({NUMBERED[kind]} {number})" if number and kind in NUMBERED else ""
            href = self.href(embed.node, embed.page, embed.node.get("html_id", ""))
            text = f"{embed.page.title}{name}"
            links.append(Markup('<a href="{}">{}</a>').format(href, text))
        return Markup("shown in {}").format(Markup(", ").join(links)) if links else EMPTY

    def _exports(self, label: str) -> list[Markup]:
        links = []
        files = self.project.evidence.files(label)
        if label in self._pngs:
            files[".png"] = self._pngs[label]
        for ending, text in EXPORTS.items():
            if ending in files:
                name = f"{label}{ending}"
                try:
                    path = self.page.relative(self.assets.add(files[ending], name))
                except UnsafeSVGError as error:
                    self.diagnostics.add(f"figures, {name}", None, str(error))
                    continue
                links.append(Markup('<a href="{}" download="{}">{}</a>').format(path, name, text))
        return links

    # --- outputs ----------------------------------------------------------------------------

    def _outputs(self, node: Node, label: str, alt: str) -> Markup:
        visibility = node.get("visibility", "show")
        if not _shows_output(node):
            return EMPTY
        shown = EMPTY.join(
            self._output(child, child["jupyter_data"], label, alt) for child in node["children"]
        )
        if visibility == "hide":
            return Markup("<details><summary>Output</summary>{}</details>").format(shown)
        return Markup('<div class="output">{}</div>').format(shown) if shown else EMPTY

    def _output(self, node: Node, output: dict[str, Any], label: str, alt: str) -> Markup:
        if output["output_type"] == "error":
            self.error(node, f"the cell raised {output.get('ename')}: run the notebook again")
            return EMPTY
        if output["output_type"] == "stream":
            return _plain(self._content(node, output, "text"))
        data = output["data"]
        kind = next((kind for kind in MIME_TYPES if kind in data), None)
        if kind is None:
            self.error(node, f"no supported MIME type in this output: {', '.join(data)}")
            return EMPTY
        content = self._content(node, data[kind], "content")
        if kind == "text/html":
            return scrolling(markup.clean_table(content.decode()))
        if kind == "text/markdown":
            return markup.markdown(content.decode())
        if kind == "text/plain":
            return _plain(content)
        suffix = {"image/svg+xml": ".svg", "image/png": ".png", "image/jpeg": ".jpg"}[kind]
        if kind != "image/svg+xml" and "path" not in data[kind]:
            content = base64.b64decode(content)
        record = self.project.evidence.records.get(label)
        if kind == "image/png" and record:
            self._pngs[label] = content
            if record["files"].get(f"{label}.png") != hashlib.sha256(content).hexdigest():
                self.error(
                    node,
                    f"figures/{record['notebook']}/{label}.svg is not the figure that the "
                    "notebook shows: run it again",
                )
        width = output.get("metadata", {}).get(kind, {}).get("width")
        return self.image(node, content, f"{label or 'output'}{suffix}", alt, width)

    def _content(self, node: Node, item: dict[str, Any], key: str) -> bytes:
        """Return the content of an output; mystmd stores long ones in files."""
        if path := item.get("path"):
            return self.public_file(node, path) or b""
        text = item.get(key, "")
        return ("".join(text) if isinstance(text, list) else str(text)).encode()


def _shows_output(node: Node) -> bool:
    is_shown = node["type"] == "outputs" and node.get("visibility") != "remove"
    return is_shown and bool(node.get("children"))


def _plain(content: bytes) -> Markup:
    text = markup.terminal_text(content.decode())
    return Markup('<pre class="plain" tabindex="0">{}</pre>').format(text) if text else EMPTY
