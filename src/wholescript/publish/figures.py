"""Figures and tables of notebooks: written with their data and provenance record, and displayed."""

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from wholescript.errors import RunError
from wholescript.plots.style import DPI, to_dark_theme
from wholescript.printable import printable
from wholescript.publish.notebook import current_notebook
from wholescript.publish.plot_data import plotted_data
from wholescript.publish.provenance.record import write_output

CSS_DPI = 96
TOLERANCE = 0.02
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
    `{"films": ",", "auc": ".3f"}`, or a function from value to text. The index is shown if it has
    a name.

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
    columns = {}
    for name, column in table.items():
        default: Format = ".3f" if pd.api.types.is_float_dtype(column) else str
        form = formats.get(str(name), default)
        columns[str(name)] = [printable(_formatted(value, form)) for value in column]
    return pd.DataFrame(columns).rename(columns=lambda name: printable(name).replace("_", " "))


def _formatted(value: Any, form: Format) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "–"  # noqa: RUF001
    return form(value) if callable(form) else format(value, form)


def _check_label(label: str, prefix: str) -> None:
    if not label.startswith(prefix) or label != label.lower() or " " in label:
        raise RunError(
            f"label {label!r} must be lower case, have no spaces and start with {prefix!r}"
        )
