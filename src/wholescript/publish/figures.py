"""Figures and tables of notebooks: written with their data and provenance record, and displayed."""

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from wholescript.errors import RunError
from wholescript.number_format import duration, interval_format, unsigned_zero
from wholescript.plots.style import DPI, to_dark_theme
from wholescript.printable import printable
from wholescript.publish.notebook import current_notebook
from wholescript.publish.plot_data import plotted_data
from wholescript.publish.provenance.record import write_output

CSS_DPI = 96
TOLERANCE = 0.02
EXACTLY_EQUAL = "exactly equal"
Format = str | Callable[[Any], str]


def show_figure(figure: Figure, label: str, *, tolerance: float = TOLERANCE) -> None:
    """Write a figure, its data and its provenance under its label, display and close it.

    Writes `<label>.svg` and, for dark pages, `<label>.dark.png` to `figures/<notebook>/`; the
    notebook holds the PNG. `plots.json` there gets the series, labels and limits as plotted,
    `provenance.json` its origin. The same figure gives the same bytes. `tolerance` is stored with
    the data: the largest accepted deviation of a point in a rerun, as a fraction of the axis.

    Raises:
        RunError: the label does not start with `fig-`, or no notebook is running.
    """
    _check_label(label, "fig-")
    notebook = current_notebook()
    plotted = {"tolerance": tolerance, **plotted_data(figure)}
    contents = {".svg": _svg_bytes(figure), ".png": _png_bytes(figure)}
    to_dark_theme(figure)
    contents[".dark.png"] = _png_bytes(figure)
    width, height = (round(inches * CSS_DPI) for inches in figure.get_size_inches())
    plt.close(figure)
    written = write_output(notebook, label, "figure", contents, plotted, display_only=".png")
    display(
        {"image/png": base64.b64encode(written[".png"]).decode(), "text/plain": f"<{label}>"},
        metadata={"image/png": {"width": width, "height": height}},
        raw=True,
    )


def _svg_bytes(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", dpi=DPI, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _png_bytes(figure: Figure) -> bytes:
    """Return a PNG with at most 256 colors: it looks the same and has a third of the bytes."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    with Image.open(drawn) as image:
        quantized = image.convert("RGB").quantize(
            method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        quantized.save(packed, "png", dpi=image.info["dpi"])
    return packed.getvalue()


def show_table(
    table: pd.DataFrame, label: str, formats: Mapping[str, Format] | None = None
) -> None:
    """Write a table and its provenance under its label, and display it.

    Writes `figures/<notebook>/<label>.csv` (6 significant digits). On the page floats
    have 3 decimals unless `formats` has a format for the column, as in
    `{"films": ",", "auc": ".3f"}`, or a function from value to text, such as `duration`. An
    interval has as many decimals as keep its bounds apart from its value. The index is shown if it
    has a name.

    Raises:
        RunError: the label does not start with `tbl-`, a format has no column, or no notebook is
            running.
    """
    _check_label(label, "tbl-")
    if unknown := set(formats or {}) - set(table.columns):
        raise RunError(f"{label}: formats for unknown columns: {sorted(unknown)}")
    notebook = current_notebook()
    named = any(name is not None for name in table.index.names)
    csv = table.to_csv(index=named, float_format="%.6g", lineterminator="\n")
    write_output(notebook, label, "table", {".csv": csv.encode()})
    shown = _as_text(table.reset_index() if named else table, formats or {})
    html = shown.to_html(index=False, border=0, classes=[], escape=True)
    # JupyterLab sets what is between two dollar signs as mathematics, except with these classes.
    start = '<table class="tex2jax_ignore mathjax_ignore">' if "$" in html else "<table>"
    body = html.partition(">")[2].replace(' style="text-align: right;"', "", 1)
    display({"text/html": start + body, "text/plain": shown.to_string(index=False)}, raw=True)


def _as_text(table: pd.DataFrame, formats: Mapping[str, Format]) -> pd.DataFrame:
    forms = {
        str(name): formats.get(str(name), ".3f" if pd.api.types.is_float_dtype(column) else str)
        for name, column in table.items()
    }
    columns = {
        str(name): [printable(_formatted(value, forms[str(name)])) for value in column]
        for name, column in table.items()
    }
    for value, low, high in _intervals(list(columns)):
        shown = table[[value, low, high]].itertuples(index=False, name=None)
        for row, cells in enumerate(shown):
            form = forms[value]
            if not callable(form) and not any(pd.isna(cell) for cell in cells):
                form = interval_format(form, *cells)
                for name, cell in zip((value, low, high), cells, strict=True):
                    columns[name][row] = _formatted(cell, form)
    return pd.DataFrame(columns).rename(columns=lambda name: _header(name, forms[name]))


def _header(column: str, form: Format) -> str:
    """Return the name of a column as shown; without the unit of what is a duration."""
    shown = printable(column).replace("_", " ")
    return shown.replace("seconds", "time") if form is duration else shown


def _intervals(columns: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the columns of estimates with those of their bounds: `x`, `x_low`, `x_high`.

    `low` and `high` alone are the bounds of the column before them.
    """
    for position, name in enumerate(columns):
        if f"{name}_low" in columns and f"{name}_high" in columns:
            yield name, f"{name}_low", f"{name}_high"
        elif columns[position + 1 : position + 3] == ["low", "high"]:
            yield name, "low", "high"


def _formatted(value: Any, form: Format) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "–"  # noqa: RUF001
    if callable(form):
        return form(value)
    if form.endswith("e") and value == 0:  # 0.0e+00 does not say that nothing was rounded
        return EXACTLY_EQUAL
    shown = format(value, form)
    return unsigned_zero(shown) if isinstance(value, float) else shown


def _check_label(label: str, prefix: str) -> None:
    if not label.startswith(prefix) or label != label.lower() or " " in label:
        raise RunError(
            f"label {label!r} must be lower case, have no spaces and start with {prefix!r}"
        )
