"""Nodes of MyST's syntax tree that tables are made of.

A number that a run stores is a placeholder of the role `result` or `difference`, which
`theme/plugins/results.py` fills in as it does in prose; it links to the run and its cell.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.results import Results

Node = dict[str, Any]
Cell = list[Node]
"""The content of a cell; empty where there is none."""

NO_VALUE = "\N{EN DASH}"


def text(value: str) -> Cell:
    """Return a text."""
    return [{"type": "text", "value": value}] if value else []


def fixed(value: str) -> Cell:
    """Return a setting or another constant, which is no result."""
    return [_span("fixed", value)] if value else []


def result(results: Results, reference: str, formats: str = "") -> Cell:
    """Return a stored number by its reference `run:metric`, in formats of the role `result`.

    Raises:
        RunError: there is no such run or metric.
    """
    results.metric(reference)
    return [_span("result", "|".join(filter(None, (reference, formats))))]


def difference(reference: str, formats: str = "interval") -> Cell:
    """Return a stored paired difference by its reference `run - baseline:metric`."""
    return [_span("difference", f"{reference}|{formats}")]


def of_run(run: str, value: str) -> Cell:
    """Return what a run stores beside its metrics, such as its time, with a link to the run."""
    content = [{"type": "text", "value": value}]
    return [{"type": "span", "class": "result", "data": {"result": run}, "children": content}]


def link(value: str, url: str) -> Cell:
    """Return a link to an address, or to a page relative to the one with the table."""
    return [{"type": "link", "url": url, "children": text(value)}]


def citation(key: str) -> Cell:
    """Return a citation of an entry of the bibliography, as `Krause et al. (2021)`."""
    return [{"type": "cite", "kind": "narrative", "label": key, "identifier": key.lower()}]


def joined(*cells: Cell, by: str = " ") -> Cell:
    """Return the content of several cells in one; empty ones are left out."""
    nodes: Cell = []
    for cell in filter(None, cells):
        nodes += [*(text(by) if nodes else []), *cell]
    return nodes


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]], right: Iterable[str] = ()) -> Node:
    """Return a table; columns without any content are left out, `right` are aligned right.

    Raises:
        RunError: there is no row.
    """
    listed = list(rows)
    if not listed:
        raise RunError("this table has no row")
    shown = [i for i, _ in enumerate(header) if any(row[i] for row in listed)]
    aligned = set(right)
    lines = [[text(name) for name in header], *listed]
    return {
        "type": "table",
        "children": [
            {
                "type": "tableRow",
                "children": [
                    _cell(line[i] or text(NO_VALUE), number == 0, header[i] in aligned)
                    for i in shown
                ],
            }
            for number, line in enumerate(lines)
        ],
    }


def _cell(content: Cell, is_header: bool, is_right: bool) -> Node:
    node: Node = {"type": "tableCell", "children": content}
    if is_header:
        node["header"] = True
    if is_right:
        node["align"] = "right"
    return node


def _span(role: str, body: str) -> Node:
    return {"type": "span", "class": role, "data": {"role": role, "body": body}, "children": []}
