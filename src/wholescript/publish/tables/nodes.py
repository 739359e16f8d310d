"""Nodes of MyST's syntax tree that tables are made of.

A number that a run stores is a placeholder of the role `result` or `difference`, which
`theme/plugins/results.py` fills in as it does in prose; it links to the run and its cell.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.results import Results

Node = dict[str, Any]
Cell = list[Node]
"""The content of a cell; empty where there is none."""

MERGED = "merged"
"""In `blank` of `table`: the cell is one with that on its left."""


def text(value: str) -> Cell:
    """Return a text."""
    return [{"type": "text", "value": value}] if value else []


def code(value: str) -> Cell:
    """Return a name as code."""
    return [{"type": "inlineCode", "value": value}]


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
    blank: Mapping[str, str] | None = None,
) -> Node:
    """Return a table; columns without any content are left out.

    Args:
        header: the names of the columns.
        rows: the cells of each row.
        right: the columns that are aligned right.
        groups: the group of each row; where there are several, each starts with a row of its name.
        blank: by column, what an empty cell says: a word on why there is no value, or `MERGED`
            after another empty cell.

    Raises:
        RunError: there is no row, or a cell is empty and `blank` has no word for its column.
    """
    if not rows:
        raise RunError("this table has no row")
    shown = [i for i, _ in enumerate(header) if any(row[i] for row in rows)]
    words = blank or {}

    def line(cells: Sequence[Cell], **attributes: Any) -> Node:
        made: list[Node] = []
        filled = True
        for i in shown:
            name, content = header[i], cells[i]
            if not content and words.get(name) == MERGED and not filled:
                made[-1]["colspan"] = made[-1].get("colspan", 1) + 1
                continue
            filled = bool(content)
            if not filled and words.get(name, MERGED) == MERGED:
                raise RunError(f"a cell of the column {name!r} is empty: say why in a word")
            align = {"align": "right"} if filled and name in right else {}
            made.append(_cell(content or text(words[name]), **align, **attributes))
        return _row(made)

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
