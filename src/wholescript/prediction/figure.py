"""The figure of a prediction: what each part of the script adds, and which words do."""

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from wholescript.errors import ParameterError
from wholescript.files import write_atomic
from wholescript.prediction.reading import Z_95, Prediction
from wholescript.prediction.wording import summary_line

FORMATS = (".png", ".svg")
POSITIVE_COLOR, NEGATIVE_COLOR = (
    "#0173b2",
    "#de8f05",
)  # of seaborn's colour-blind palette, as in the report


def figure_paths(scripts: Sequence[Path], figure: Path | None) -> list[Path]:
    """Return where the figure of each script goes: beside it, or to `figure` for a single one.

    Raises ParameterError where one file is named for several scripts.
    """
    if figure is None:
        return [path.with_name(f"{path.name}.prediction.png") for path in scripts]
    if len(scripts) > 1:
        raise ParameterError(
            f"--figure names one file for {len(scripts)} scripts: leave it out, and each figure "
            "goes beside its script."
        )
    return [figure]


def write_figure(prediction: Prediction, title: str, path: Path) -> None:
    """Draw a prediction to `path`; the same prediction gives the same bytes.

    Raises ParameterError for another suffix than those of `FORMATS`, or where the file cannot be
    written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ParameterError(f"a figure is one of {', '.join(FORMATS)}, not {path.name!r}.")
    drawn, kind = io.BytesIO(), path.suffix.lower()[1:]
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "wholescript", "font.size": 9}):
        figure = _draw(prediction, title)
        undated = {"Date": None} if kind == "svg" else {}
        figure.savefig(drawn, format=kind, dpi=144, metadata=undated)
    try:
        write_atomic(path, drawn.getvalue())
    except OSError as problem:
        raise ParameterError(
            f"the figure {path.name!r} cannot be written ({problem.strerror}): "
            "name another file with --figure, or draw none with --no-figure."
        ) from problem


def _draw(prediction: Prediction, title: str) -> Figure:
    figure = Figure(figsize=(7.0, 6.4), layout="constrained")
    along, words = figure.subplots(2, 1, height_ratios=(3, 4))
    parts = prediction.parts
    along.bar(
        [100 * part.start for part in parts],
        [part.adds for part in parts],
        [100 * (part.stop - part.start) for part in parts],
        align="edge",
        color=[_colour(part.adds) for part in parts],
        edgecolor="white",
        yerr=[Z_95 * part.error for part in parts],
        error_kw={"elinewidth": 0.8, "ecolor": "0.4"},
    )
    along.set(xlabel="place in the script, per cent", ylabel="adds to the log odds", xlim=(0, 100))
    names, adds = zip(*reversed(prediction.words), strict=True)
    words.barh(range(len(names)), adds, color=[_colour(value) for value in adds])
    words.set_yticks(range(len(names)), names, parse_math=False)
    words.set(xlabel="a word adds to the log odds, against the average film")
    for axes in (along, words):
        axes.spines[["top", "right"]].set_visible(False)
    along.axhline(0, color="0.2", linewidth=0.8)
    figure.suptitle(f"{title}\n{summary_line(prediction)}", fontsize=10, parse_math=False)
    return figure


def _colour(adds: float) -> str:
    return POSITIVE_COLOR if adds >= 0 else NEGATIVE_COLOR
