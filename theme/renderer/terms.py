"""Definitions of the terms of a glossary."""

import re

from .diagnostics import Node
from .project import walk


def find_definition(tree: Node, anchor: str) -> str:
    """Return the text of a term's definition on a page, without its citations; empty if none."""
    named = False
    for node in walk(tree):
        if node["type"] == "definitionTerm":
            named = named or node.get("html_id") == anchor
        elif node["type"] == "definitionDescription" and named:
            return re.sub(r"\s+(?=[.,;:])", "", _without_citations(node)).strip()
    return ""


def _without_citations(node: Node) -> str:
    if node["type"] in ("cite", "citeGroup"):
        return ""
    if isinstance(value := node.get("value"), str):
        return value
    return "".join(map(_without_citations, node.get("children", [])))
