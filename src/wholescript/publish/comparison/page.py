"""Comparisons as self-contained HTML pages with embedded images."""

import base64
from pathlib import Path
from typing import Any

from wholescript.files import write_atomic
from wholescript.publish.comparison.outputs import Comparison
from wholescript.publish.html import html_environment


def write_comparison(comparison: Comparison, path: Path, *, title: str, sides: list[str]) -> None:
    """Write a page of the differences; `sides` names the two output roots, the stored one first."""
    _write("comparison.html", path, comparison=comparison, title=title, sides=sides)


def write_sweep(path: Path, **sweep: Any) -> None:
    """Write a page that compares executions; `sweep` has the variables of `sweep.html`."""
    _write("sweep.html", path, **sweep)


def write_classifier_comparison(path: Path, **comparison: Any) -> None:
    """Write a page that compares classifiers, with the variables of `classifiers.html`."""
    _write("classifiers.html", path, **comparison)


def _write(template: str, path: Path, **values: Any) -> None:
    environment = html_environment("wholescript.publish.comparison")
    environment.filters |= {"number": number, "inline": _inline}
    write_atomic(path, environment.get_template(template).render(**values))


def number(value: float | None, sign: str = "") -> str:
    """Return a number as text with a minus sign (U+2212); `missing` for None.

    It has four decimals, or six significant digits from 1,000 on; `sign` "+" adds a plus sign.
    """
    if value is None:
        return "missing"
    form = ".4f" if abs(value) < 1000 else ",.6g"
    return format(value, sign + form).replace("-", "\N{MINUS SIGN}")


def _inline(image: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(image.read_bytes()).decode()}"
