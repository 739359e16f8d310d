"""Nodes of MyST's syntax tree that tables are made of.

A number that a run stores is a placeholder of the role `result` or `difference`, which
`theme/plugins/results.py` fills in as it does in prose; it links to the run and its cell.
"""

from collections.abc import Container, Sequence
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


def strong(value: str) -> Cell:
    """Return a text that stands out."""
    return [{"type": "strong", "children": text(value)}]


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


def lines(*cells: Cell) -> Cell:
    """Return the content of several cells in one, a line each; empty ones are left out."""
    nodes: Cell = []
    for cell in filter(None, cells):
        nodes += [*([{"type": "break"}] if nodes else []), *cell]
    return nodes


def joined(*cells: Cell, by: str = " ") -> Cell:
    """Return the content of several cells in one; empty ones are left out."""
    nodes: Cell = []
    for cell in filter(None, cells):
        nodes += [*(text(by) if nodes else []), *cell]
    return nodes


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    right: Container[str] = (),
    groups: Sequence[str] = (),
) -> Node:
    """Return a table; columns without any content are left out.

    Args:
        header: the names of the columns.
        rows: the cells of each row.
        right: the columns that are aligned right.
        groups: the group of each row; where there are several, each starts with a row of its name.

    Raises:
        RunError: there is no row.
    """
    if not rows:
        raise RunError("this table has no row")
    shown = [i for i, _ in enumerate(header) if any(row[i] for row in rows)]
    alignments = [{"align": "right"} if header[i] in right else {} for i in shown]

    def line(cells: Sequence[Cell], **attributes: Any) -> Node:
        contents = [cells[i] or text(NO_VALUE) for i in shown]
        pairs = zip(contents, alignments, strict=True)
        return _row([_cell(content, **align, **attributes) for content, align in pairs])

    lines = [line([text(name) for name in header], header=True)]
    several = len(set(groups)) > 1
    for number, row in enumerate(rows):
        if several and (number == 0 or groups[number] != groups[number - 1]):
            lines.append(_row([_cell(strong(groups[number]), colspan=len(shown))]))
        lines.append(line(row))
    return {"type": "table", "children": lines}


def _row(cells: list[Node]) -> Node:
    return {"type": "tableRow", "children": cells}


def _cell(content: Cell, **attributes: Any) -> Node:
    return {"type": "tableCell", "children": content, **attributes}


def _span(role: str, body: str) -> Node:
    return {"type": "span", "class": role, "data": {"role": role, "body": body}, "children": []}
