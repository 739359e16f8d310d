"""Errors of a site, collected so that one build reports all of them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Node = dict[str, Any]


@dataclass
class Diagnostics:
    """The error messages so far; a site with errors is not written."""

    messages: list[str] = field(default_factory=list)

    def add(self, location: str, node: Node | None, message: str) -> None:
        """Record an error in the source file `location`, at `node` if given."""
        where = location
        if node is not None:
            number = line(node)
            where = f"{location}:{number}" if number else location
            where = f"{where}: {describe(node)}"
        text = f"{where}: {message}"
        if text not in self.messages:
            self.messages.append(text)


def line(node: Node) -> int | None:
    """Return the line of a node in its source, or that of its first descendant with a line."""
    own: int | None = node.get("position", {}).get("start", {}).get("line")
    return own or next(filter(None, map(line, node.get("children", []))), None)


def describe(node: Node) -> str:
    """Return the type of a node and its label, name, source or first words, for messages."""
    names = (node.get("label"), node.get("html_id"), node.get("name"), _source(node))
    source = node.get("source", {}).get("label")
    hint = next(filter(None, names), None) or source or plain_text(node)[:40]
    return f"{node.get('type', 'node')} '{hint}'" if hint else str(node.get("type", "node"))


def _source(node: Node) -> str:
    """Return the target of a link or the file of a picture as its author wrote it."""
    return unquote(node.get("urlSource") or "")


def plain_text(node: Node) -> str:
    """Return the text of a node and its descendants."""
    if isinstance(value := node.get("value"), str):
        return value
    return "".join(plain_text(child) for child in node.get("children", []))
