"""The figure of a prediction: contributions of the parts of the script and of its words."""

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from wholescript.errors import ParameterError
from wholescript.files import write_atomic
from wholescript.plots.text import literal
from wholescript.prediction.parsers import STANDARD_INPUT, printable_path
from wholescript.prediction.predict import Z_95, Prediction
from wholescript.prediction.script_paths import FIGURE_SUFFIX
from wholescript.prediction.text_output import summary_line

FORMATS = (".png", ".svg")
POSITIVE_COLOR, NEGATIVE_COLOR = "#0173b2", "#de8f05"  # of seaborn's colour-blind palette

ERROR_BAR = {"elinewidth": 0.8, "ecolor": "0.4"}


def figure_paths(scripts: Sequence[Path], figure: Path | None) -> list[Path | None]:
    """Return the path of each figure: next to its script, or `figure` for a single script.

    The script of standard input has no figure by default. Raises ParameterError for one `figure`
    and several scripts, or if its suffix is not in `FORMATS`.
    """
    if figure is None:
        return [
            None if path == STANDARD_INPUT else path.with_name(f"{path.name}{FIGURE_SUFFIX}")
            for path in scripts
        ]
    if figure.suffix.lower() not in FORMATS:
        raise ParameterError(
            f"a figure needs a suffix among {', '.join(FORMATS)}: {figure.name!r}."
        )
    if len(scripts) > 1:
        raise ParameterError(
            f"--figure names one file for {len(scripts)} scripts: without it each figure "
            "is written next to its script."
        )
    return [figure]


def write_figure(prediction: Prediction, title: str, path: Path) -> None:
    """Draw a prediction to `path`; the same prediction gives the same bytes.

    Its suffix is one of `FORMATS`. Raises ParameterError if the file cannot be written.
    """
    drawn, kind = io.BytesIO(), path.suffix.lower()[1:]
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "wholescript", "font.size": 9}):
        figure = _draw(prediction, title)
        undated = {"Date": None} if kind == "svg" else {}
        figure.savefig(drawn, format=kind, dpi=144, metadata=undated)
    try:
        write_atomic(path, drawn.getvalue())
    except OSError as problem:
        raise ParameterError(
            f"the figure {printable_path(path)} cannot be written ({problem.strerror})"
        ) from problem


def _draw(prediction: Prediction, title: str) -> Figure:
    figure = Figure(figsize=(7.0, 6.4), layout="constrained")
    by_part, by_word = figure.subplots(2, 1, height_ratios=(3, 4))
    parts = prediction.parts
    by_part.bar(
        [100 * part.start for part in parts],
        [part.contribution for part in parts],
        [100 * (part.stop - part.start) for part in parts],
        align="edge",
        color=[_color(part.contribution) for part in parts],
        edgecolor="white",
        yerr=[Z_95 * part.std_error for part in parts],
        error_kw=ERROR_BAR,
    )
    by_part.set(
        xlabel="position in the script (%)", ylabel="contribution (log-odds)", xlim=(0, 100)
    )
    words = prediction.words[::-1]
    by_word.barh(
        range(len(words)),
        [word.contribution for word in words],
        color=[_color(word.contribution) for word in words],
        xerr=[Z_95 * word.std_error for word in words],
        error_kw=ERROR_BAR,
    )
    by_word.set_yticks(range(len(words)), [literal(word.word) for word in words])
    by_word.set(xlabel="contribution of a word (log-odds, relative to the mean film)")
    for axes in (by_part, by_word):
        axes.spines[["top", "right"]].set_visible(False)
    by_part.axhline(0, color="0.2", linewidth=0.8)
    summary = summary_line(prediction).replace("; ", "\n")  # one line is wider than the figure
    figure.suptitle(literal(f"{title}\n{summary}"), fontsize=10)
    return figure


def _color(contribution: float) -> str:
    return POSITIVE_COLOR if contribution >= 0 else NEGATIVE_COLOR
