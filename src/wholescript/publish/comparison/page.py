"""Comparisons as pages: one file each, with pictures inside, that asks no other file or host."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from wholescript.files import write_atomic
from wholescript.publish.comparison.trees import Comparison


def write_comparison(comparison: Comparison, path: Path, *, title: str, sides: list[str]) -> None:
    """Write what moved as a page; `sides` names the two roots, the stored one first."""
    _write("comparison.html", path, comparison=comparison, title=title, sides=sides)


def write_sweep(path: Path, **sweep: Any) -> None:
    """Write runs side by side; `sweep` is what the template `sweep.html` shows."""
    _write("sweep.html", path, **sweep)


def write_classifier_comparison(path: Path, **comparison: Any) -> None:
    """Write classifiers of texts side by side: what the template `texts.html` shows."""
    _write("texts.html", path, **comparison)


def _write(template: str, path: Path, **values: Any) -> None:
    environment = Environment(
        loader=PackageLoader("wholescript.publish.comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "inline": _inline}
    write_atomic(path, environment.get_template(template).render(**values))


def number(value: float | None, sign: str = "") -> str:
    """Return a number as text, with a true minus; `missing` where there is none.

    With four decimals, or from a thousand on with six digits. `sign` "+" marks what is positive.
    """
    if value is None:
        return "missing"
    form = ".4f" if abs(value) < 1000 else ",.6g"
    return format(value, sign + form).replace("-", "\N{MINUS SIGN}")


def _inline(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
