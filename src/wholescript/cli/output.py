"""What the command line prints: texts as they are, and tables that fit into the terminal."""

import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wholescript.printable import printable

EN_DASH = "\N{EN DASH}"
SMALLEST = 5e-5  # below, a number with 4 decimals would be 0.0000

out = Console(markup=False, emoji=False, highlight=False)
err = Console(stderr=True, markup=False, emoji=False, highlight=False)


def echo(text: str) -> None:
    """Print a text to stdout as it is: no markup, no colours, no wrapping."""
    out.print(printable(text, keep="\n"), soft_wrap=True)


def warn(text: str) -> None:
    """Print a text to stderr as it is, on a line of its own: progress bars end before."""
    _end_progress_bars()
    err.print(printable(text, keep="\n"), soft_wrap=True)


def _end_progress_bars() -> None:
    if "tqdm" not in sys.modules:
        return
    from tqdm import tqdm

    bars = [bar for bar in getattr(tqdm, "_instances", ()) if not bar.disable]
    for bar in bars:
        bar.close()
    if bars and not err.is_terminal:
        err.print()


def cell(value: Any, *, is_score: bool = False) -> str:
    """Return a value as the text of a cell: counts whole, numbers with 4 decimals, no `nan`.

    A score keeps its decimals even where it is a whole number.
    """
    if value is None or value != value:
        return EN_DASH
    if isinstance(value, float) and math.isfinite(value):
        if value == int(value) and not is_score:
            return f"{value:,.0f}"
        return f"{value:.1e}" if 0 < abs(value) < SMALLEST else f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def print_table(frame: Any, title: str) -> None:
    """Print a data frame as a table, as `print_rows` does."""
    columns = []
    for name in frame.columns:
        values = frame[name].tolist()
        numbers = [v for v in values if isinstance(v, float) and math.isfinite(v)]
        is_score = bool(numbers) and max(map(abs, numbers)) <= 1 and any(v % 1 for v in numbers)
        columns.append([cell(value, is_score=is_score) for value in values])
    print_rows([str(name) for name in frame.columns], zip(*columns, strict=True), title)


def print_rows(headers: list[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print rows of texts as a table.

    Nothing is cut: names break after `/`, `-` and `_`. Where the columns still need more room than
    the terminal has, each row becomes lines of `header: value`.
    """
    columns = [list(map(printable, column)) for column in zip(headers, *rows, strict=True)]
    headers, title = [column[0] for column in columns], printable(title)
    widths = _fit([max(map(cell_len, column)) for column in columns], columns, out.width)
    if widths is None:
        _print_list(headers, [row[1:] for row in columns], title)
        return
    table = Table(title=title or None, title_justify="left")
    wrapped = [
        [_wrap(text, width) for text in column]
        for column, width in zip(columns, widths, strict=True)
    ]
    for header, *cells in wrapped:
        is_number = all(map(_is_number, cells))
        table.add_column(Text(header), justify="right" if is_number else "left", no_wrap=True)
    for row in zip(*(cells for _, *cells in wrapped), strict=True):
        table.add_row(*map(Text, row))
    out.print(table)


def _print_list(headers: list[str], columns: list[list[str]], title: str) -> None:
    if title:
        echo(title)
    width = max(map(cell_len, headers))
    for first, *rest in zip(*columns, strict=True):
        echo(first)
        for header, value in zip(headers[1:], rest, strict=True):
            echo(f"  {set_cell_size(header, width)}  {value}")


def _fit(widths: list[int], columns: list[list[str]], total: int) -> list[int] | None:
    """Return widths of columns that fit into `total`, the widest narrowed; None if there are none.

    A column is at least as wide as the longest part of its words.
    """
    least = [
        max(cell_len(part) for text in column for part in ["", *_parts(text)]) for column in columns
    ]
    room = total - 3 * len(columns) - 1
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widest = max((i for i, w in enumerate(widths) if w > least[i]), key=lambda i: widths[i])
        widths[widest] -= 1
    return widths


def _parts(text: str) -> list[str]:
    return re.findall(r"[^\s/_-]*[/_-]+|[^\s/_-]+|\s+", text)


def _wrap(text: str, width: int) -> str:
    """Break a text into lines of at most `width` characters, after its parts."""
    lines = [""]
    for part in _parts(text):
        if cell_len(lines[-1] + part.rstrip()) > width:
            lines = [*lines, part.lstrip()]
        else:
            lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _is_number(text: str) -> bool:
    return re.fullmatch(rf"|{EN_DASH}|[+-]?[\d,.]+(e-\d+)?%?", text) is not None
