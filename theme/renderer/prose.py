"""Renderer of Markdown pages."""

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

from markupsafe import Markup, escape

from wholescript.errors import RunError
from wholescript.experiments.results import made_by

from . import markup
from .base import EMPTY
from .citations import CitationRenderer
from .diagnostics import Node, plain_text
from .provenance import (
    RunRef,
    find_unbound_number,
    find_unbound_number_in_formula,
    short,
)
from .svg_safety import UnsafeSVGError
from .terms import find_definition

# mystmd makes text of a formula that is a number.
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*")


class ProseRenderer(CitationRenderer):
    """Renders prose; a node of type `citeGroup` is rendered by `_on_cite_group`."""

    def render(self) -> Markup:
        """Return the HTML of the page's text, notes and references."""
        body = self.node(self.page.tree)
        return body + self._notes() + self._references()

    def children(self, node: Node) -> Markup:
        """Return the HTML of a node's children, without formulas that are money."""
        inner = node.get("children", [])
        around = [None, *inner, None]
        return EMPTY.join(
            EMPTY if self._is_refused(*window) else self.node(window[1])
            for window in zip(around, inner, around[2:], strict=False)
        )

    def _is_refused(self, previous: Node | None, node: Node, following: Node | None) -> bool:
        """Whether a node stands between two dollar signs, but is money; if so, it is an error."""
        # Texts of the source are one node. A formula of the role `math` has no position.
        by_dollars = node["type"] == "inlineMath" or (
            node["type"] == "text"
            and _NUMBER.fullmatch(node["value"])
            and "text" in ((previous or {}).get("type"), (following or {}).get("type"))
        )
        if not by_dollars or "position" not in node:
            return False
        value = node["value"]
        before, after = (plain_text(other) if other else "" for other in (previous, following))
        if found := markup.find_prose(value, before, after):
            self._refuse_formula(node, found)
        elif value[0].isdigit() and _NUMBER.fullmatch(value):
            self.error(
                node,
                "what is between two dollar signs is a formula, and this is only a number: write "
                f"\\${value} for money, {value} for a number",
            )
        else:
            return False
        return True

    # --- inline -----------------------------------------------------------------------------

    def _on_text(self, node: Node) -> Markup:
        if literal := find_unbound_number(node["value"]):
            self.error(
                node,
                f"the number '{literal}' looks like a result: bind it with {{result}}, or mark it "
                "with {fixed} if it is a constant",
            )
        return escape(node["value"])

    def _on_inline_code(self, node: Node) -> Markup:
        return Markup("<code>{}</code>").format(node["value"])

    def _on_break(self, _: Node) -> Markup:
        return Markup("<br>")

    def _on_abbreviation(self, node: Node) -> Markup:
        return Markup('<abbr title="{}">{}</abbr>').format(node["title"], self.children(node))

    def _on_span(self, node: Node) -> Markup:
        kind, data = str(node.get("class", "")), node.get("data", {})
        if kind == "result":
            return self._result(node, data)
        if kind == "error":
            self.error(node, data["message"])
        return Markup('<span class="{}">{}</span>').format(kind, escape(plain_text(node)))

    def _result(self, node: Node, data: dict[str, str]) -> Markup:
        """A stored number, with a link to its cell and a tooltip on its run."""
        try:
            run_refs = self.project.evidence.run_refs(data)
        except RunError as error:
            self.error(node, str(error))
            return EMPTY
        about = Markup("; ").join(map(_about_run, run_refs))
        shown, config = plain_text(node), run_refs[0].config
        cell = self.project.cell_by_id(config["notebook"], config.get("cell"))
        href = self.href(node, *cell) if cell else None
        return self.with_tooltip("result", href, escape(shown), about)

    def _on_inline_math(self, node: Node) -> Markup:
        return self._math(node)

    def _on_math(self, node: Node) -> Markup:
        number = node.get("enumerator")
        label = Markup('<span class="equation-number">({})</span>').format(number) if number else ""
        inner = Markup('<div class="scroll" tabindex="0">{}</div>{}').format(
            self._math(node), label
        )
        return self.element("div", node, inner, "equation")

    def _math(self, node: Node) -> Markup:
        if found := markup.find_prose(node["value"]):
            self._refuse_formula(node, found)
            return EMPTY
        if literal := find_unbound_number_in_formula(node["value"]):
            self.error(
                node,
                f"the number '{literal}' in a formula looks like a result: write it after the "
                "formula, bound with {result}, or marked with {fixed} if it is a constant",
            )
            return EMPTY
        formula = markup.mathml(node.get("html", ""))
        if formula is None:
            self.error(
                node, f"this formula cannot be rendered: {node.get('message') or node['value']}"
            )
            return EMPTY
        return formula

    def _refuse_formula(self, node: Node, found: str) -> None:
        self.error(
            node,
            f"what is between two dollar signs is a formula, and this has {found}: write \\$ "
            "for money, \\text{...} for words in a formula, \\% for per cent",
        )

    def _on_link(self, node: Node) -> Markup:
        url, text = node["url"], self.children(node)
        source = unquote(str(node.get("urlSource", url)))
        if not text:
            self.error(node, f"the link to '{source}' has no text")
        if node.get("static"):
            content = self.public_file(node, url)
            if content is None:
                return text
            name = posixpath.basename(source)
            try:
                path = self.page.relative(self.assets.add(content, name))
            except UnsafeSVGError as error:
                self.error(node, str(error))
                return text
            return Markup('<a href="{}" download="{}">{}</a>').format(path, name, text)
        if re.match(r"(https?://|mailto:)", url):
            return Markup('<a href="{}" rel="external">{}</a>').format(url, text)
        path, _, anchor = url.partition("#")
        page = self.project.page_at(path) if path and node.get("internal") else None
        if page is None:
            self.error(node, f"dead link: '{source}' is not a page of this site")
            return text
        return Markup('<a href="{}">{}</a>').format(self.href(node, page, anchor), text)

    def _on_cross_reference(self, node: Node) -> Markup:
        text = self.children(node)
        target = node.get("label") or node.get("identifier")
        if not node.get("resolved"):
            self.error(node, f"bad reference: nothing is labelled '{target}'")
            return text
        if plain_text(node) in ("", "Notebook-code", "Notebook-content"):
            self.error(
                node, f"a reference to a notebook cell needs a link text: [the text](#{target})"
            )
        page = self.project.page_at(node["url"]) if node.get("url") else self.source
        if page is None:
            self.error(node, f"bad reference: '{target}' is on no page of this site")
            return text
        anchor = node.get("html_id", "")
        href = self.href(node, page, anchor)
        if node.get("kind") == "definitionTerm":
            about = escape(find_definition(page.tree, anchor))
            return self.with_tooltip("term", href, text, about)
        return Markup('<a class="reference" href="{}">{}</a>').format(href, text)

    def _on_footnote_reference(self, node: Node) -> Markup:
        number = node["enumerator"]
        return Markup(
            '<sup class="footnote"><a id="note-back-{0}" href="#note-{0}" role="doc-noteref">{0}'
            "</a></sup>"
        ).format(number)

    def _on_footnote_definition(self, node: Node) -> Markup:
        self._footnotes.append(node)
        return EMPTY

    # --- blocks -----------------------------------------------------------------------------

    def _on_block(self, node: Node) -> Markup:
        return self.children(node)

    def _on_heading(self, node: Node) -> Markup:
        depth, text, identifier = node["depth"], self.children(node), node.get("html_id", "")
        if depth <= 3 and identifier:
            self.headings.append((depth, identifier, text))
        mark = Markup(
            ' <a class="anchor" href="#{}" aria-label="Link to this section">#</a>'
        ).format(identifier)
        return self.element(f"h{min(depth, 6)}", node, text + (mark if identifier else EMPTY))

    def _on_thematic_break(self, _: Node) -> Markup:
        return Markup("<hr>")

    def _on_code(self, node: Node) -> Markup:
        source = markup.code(node["value"], node.get("lang"))
        return Markup('<div class="code"><pre tabindex="0"><code>{}</code></pre></div>').format(
            source
        )

    def _on_list(self, node: Node) -> Markup:
        if not node.get("ordered"):
            return self.element("ul", node, self.children(node))
        start = node.get("start", 1)
        return Markup("<ol{}{}>{}</ol>").format(
            self.anchor(node),
            Markup(' start="{}"').format(start) if start != 1 else EMPTY,
            self.children(node),
        )

    def _on_list_item(self, node: Node) -> Markup:
        inner = self._tight(node)
        if (checked := node.get("checked")) is not None:
            box = "\N{BALLOT BOX WITH CHECK}" if checked else "\N{BALLOT BOX}"
            inner = Markup("{} {}").format(box, inner)
        return Markup("<li>{}</li>").format(inner)

    def _tight(self, node: Node) -> Markup:
        """Return the content of an item, with its first paragraph unwrapped."""
        content = node.get("children", [])
        if not content or content[0]["type"] != "paragraph":
            return self.children(node)
        return self.children(content[0]) + EMPTY.join(map(self.node, content[1:]))

    def _on_admonition(self, node: Node) -> Markup:
        kind = re.sub(r"[^a-z]", "", node.get("kind", "note"))
        title, rest = EMPTY, node.get("children", [])
        if rest and rest[0]["type"] == "admonitionTitle":
            title, rest = self.children(rest[0]), rest[1:]
        body = EMPTY.join(map(self.node, rest))
        css = f"admonition {kind}"
        if "dropdown" in node.get("class", ""):
            inner = Markup("<summary>{}</summary>{}").format(title, body)
            return self.element("details", node, inner, css)
        heading = Markup('<p class="admonition-title">{}</p>').format(title)
        return self.element("aside", node, heading + body, css)

    def _on_table(self, node: Node) -> Markup:
        rows = node.get("children", [])
        head = 0
        while head < len(rows) and all(cell.get("header") for cell in rows[head]["children"]):
            head += 1
        parts = [("thead", rows[:head]), ("tbody", rows[head:])]
        inner = EMPTY.join(
            Markup("<{0}>{1}</{0}>").format(tag, EMPTY.join(map(self._table_row, part)))
            for tag, part in parts
            if part
        )
        return scrolling(self.element("table", node, inner))

    def _table_row(self, row: Node) -> Markup:
        return Markup("<tr>{}</tr>").format(EMPTY.join(map(self._table_cell, row["children"])))

    def _table_cell(self, cell: Node) -> Markup:
        tag = "th" if cell.get("header") else "td"
        attributes = EMPTY
        for name in ("colspan", "rowspan"):
            if cell.get(name):
                attributes += Markup(' {}="{}"').format(name, int(cell[name]))
        if cell.get("align") in ("right", "center"):
            attributes += Markup(' class="{}"').format(
                "num" if cell["align"] == "right" else "center"
            )
        return Markup("<{0}{1}>{2}</{0}>").format(tag, attributes, self.children(cell))

    # --- external figures --------------------------------------------------------------------

    def _on_image(self, node: Node) -> Markup:
        alt = node.get("alt", "")
        if not alt.strip() or node.get("data", {}).get("altTextIsAutoGenerated"):
            self.error(node, "this image has no alt text: say what it shows")
        source = str(node.get("urlSource", node["url"]))
        if re.match(r"(https?:)?//", node["url"]):
            self.error(node, f"the image '{source}' is on another host; add it to the repository")
            return EMPTY
        content = self.public_file(node, node["url"])
        return EMPTY if content is None else self.image(node, content, Path(source).name, alt)

    # --- the end of the page ----------------------------------------------------------------

    def _notes(self) -> Markup:
        if not self._footnotes:
            return EMPTY
        items = EMPTY.join(
            Markup(
                '<li id="note-{0}" value="{0}">{1} '
                '<a href="#note-back-{0}" role="doc-backlink" aria-label="Back to the text">'
                "\N{LEFTWARDS ARROW WITH HOOK}</a></li>"
            ).format(note["enumerator"], self._tight(note))
            for note in self._footnotes
        )
        return self.end_section("notes", "Notes", Markup("<ol>{}</ol>").format(items))


def _about_run(ref: RunRef) -> Markup:
    config = ref.config
    settings, parameters = config.get("settings", {}), config.get("parameters", {})
    facts = [
        f"run {ref.run}",
        f"notebook {config['notebook']}",
        f"seed {config.get('seed', parameters.get('seed'))}",
        f"run profile {config['scale']}",
        *([f"split {settings['split']}"] if "split" in settings else []),
        f"key {short(config['key'])}",
        f"made by {made_by(config)}",
        *([f"{config['wall_time_s']} s on {config['device']}"] if "wall_time_s" in config else []),
    ]
    return escape(", ".join(facts))


def scrolling(content: Markup) -> Markup:
    """Return tables in a box that scrolls horizontally and can be focused by keyboard."""
    named = markup.name_columns(content)
    return Markup('<div class="scroll" tabindex="0">{}</div>').format(named)
