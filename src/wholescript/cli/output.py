"""What the command line prints: texts as they are, and tables that fit into the terminal."""

import math
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

EN_DASH = "\N{EN DASH}"
MAX_DECIMALS = 4

out = Console()
err = Console(stderr=True)


def echo(text: str) -> None:
    """Print a text to stdout as it is: no markup, no colours, no wrapping."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def warn(text: str) -> None:
    """Print a text to stderr as it is."""
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def cell(value: Any) -> str:
    """Return a value as the text of a cell: counts whole, numbers with 4 decimals, no `nan`."""
    if value is None or value != value:
        return EN_DASH
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return f"{value:,.0f}" if value == int(value) else f"{value:,.{MAX_DECIMALS}f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def print_table(frame: Any, title: str) -> None:
    """Print a data frame as a table; one that is wider than the terminal as a list of its rows."""
    rows = [[cell(value) for value in row] for row in frame.itertuples(index=False)]
    print_rows([str(name) for name in frame.columns], rows, title)


def print_rows(headers: list[str], rows: Iterable[list[str]], title: str = "") -> None:
    """Print rows of texts as a table.

    Words are never cut: where the columns need more room than the terminal has, each row becomes
    lines of `header: value`.
    """
    cells = [list(row) for row in rows]
    numeric = [all(_is_number(row[i]) for row in cells) for i in range(len(headers))]
    table = Table(title=title or None, title_justify="left")
    for header, is_number in zip(headers, numeric, strict=True):
        table.add_column(_text(header), justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(_text, row))
    if _words_fit(headers, cells):
        out.print(table)
        return
    if title:
        echo(title)
    width = max(map(len, headers))
    for row in cells:
        first, *rest = zip(headers, row, strict=True)
        echo(f"{first[1]}")
        for header, value in rest:
            echo(f"  {header:{width}}  {value}")


def _words_fit(headers: list[str], rows: list[list[str]]) -> bool:
    """Return whether every column can be as wide as its longest word."""
    columns = zip(headers, *rows, strict=True)
    words = [[word for text in column for word in text.split()] for column in columns]
    longest = [max(map(len, column), default=0) for column in words]
    return sum(longest) + 3 * len(headers) + 1 <= out.width


def _is_number(text: str) -> bool:
    return text in ("", EN_DASH) or text.replace(",", "").lstrip("+-").replace(".", "").isdigit()


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(text)
