"""Diagram of the splits of films: repeated random folds, inner folds, and the temporal split."""

import inspect

from wholescript.data.films.folds import temporal_split
from wholescript.models.films.logistic_regression import N_INNER_FOLDS
from wholescript.publish.diagrams.drawing import WIDTH, Colour, Drawing
from wholescript.studies.screenplays.data import RUN_PROFILES

PROFILE = "cpu"  # the run profile that is published
MODULE = "wholescript.data.films.folds"
LEFT, BAR = 46.0, 280.0  # of the rows: left edge and width
ROW, INNER_ROW = 13.0, 11.0  # heights
SHIFT = 4.0  # between the sheets of the repeats


def draw_folds() -> str:
    """Return the diagram as SVG: three parts, below each other."""
    profile = RUN_PROFILES[PROFILE]
    grid = profile.n_folds * (ROW + 2)
    tops = [24.0]
    tops.append(tops[-1] + 18 + (profile.n_repeats - 1) * SHIFT + grid + 32)
    tops.append(tops[-1] + 18 + profile.n_inner_folds * INNER_ROW + 44)
    drawing = Drawing(tops[-1] + 96, f"{__name__}:draw_folds")
    drawing.legend(
        10,
        [
            ("training", "blue", "outlined"),
            ("validation", "green", "solid"),
            ("test", "orange", "solid"),
        ],
    )
    _random_folds(drawing, tops[0], profile.n_folds, profile.n_repeats)
    _inner_folds(drawing, tops[1], profile.n_inner_folds)
    _temporal_split(drawing, tops[2])
    return drawing.svg()


def _random_folds(drawing: Drawing, y: float, n_folds: int, n_repeats: int) -> None:
    """Draw the folds of the first repeat as a sheet in front of the others."""
    drawing.title(y + 12, "Random folds", source=f"{MODULE}:repeated_folds")
    size = f"{n_repeats} repeats of {n_folds} folds"
    drawing.text(WIDTH - 1, y + 12, size, soft=True, anchor="end")
    top, height = y + 20 + (n_repeats - 1) * SHIFT, n_folds * (ROW + 2) - 2
    for sheet in range(n_repeats - 1, 0, -1):
        left, up = LEFT + sheet * SHIFT, top - sheet * SHIFT
        drawing.line((left, up), (left + BAR, up), (left + BAR, up + height))
    for fold in range(n_folds):
        row = top + fold * (ROW + 2)
        drawing.text(LEFT - 6, row + ROW - 3, f"fold {fold + 1}", soft=True, anchor="end")
        _row(drawing, row, ROW, n_folds, fold, "orange")
    drawing.text(
        LEFT + BAR / 2,
        top + height + 15,
        "all films; the folds of each repeat differ",
        soft=True,
    )


def _inner_folds(drawing: Drawing, y: float, n_inner_folds: int) -> None:
    drawing.title(y + 12, "Inner folds", source=f"{MODULE}:inner_folds")
    size = f"of networks {n_inner_folds}, of linear models {N_INNER_FOLDS}"
    drawing.text(WIDTH - 1, y + 12, size, soft=True, anchor="end")
    top = y + 20
    for fold in range(n_inner_folds):
        row = top + fold * INNER_ROW
        _row(drawing, row, INNER_ROW - 2, n_inner_folds, fold, "green")
    notes = ("the training films of one fold; validation films", "choose penalty, threshold, epoch")
    for number, note in enumerate(notes):
        bottom = top + n_inner_folds * INNER_ROW
        drawing.text(LEFT + BAR / 2, bottom + 11 + number * 13, note, soft=True)


def _temporal_split(drawing: Drawing, y: float) -> None:
    year = inspect.signature(temporal_split).parameters["first_test_year"].default
    drawing.title(y + 12, "Temporal split", source=f"{MODULE}:temporal_split")
    train, test = 0.72 * BAR, 0.28 * BAR
    drawing.rectangle(LEFT, y + 20, train - 2, ROW, "blue")
    drawing.rectangle(LEFT + train, y + 20, test, ROW, "orange", "solid")
    drawing.text(LEFT + train / 2, y + 47, f"films before {year}", soft=True)
    drawing.text(LEFT + train + test / 2, y + 47, f"from {year} on", soft=True)
    drawing.arrow((LEFT, y + 55), (LEFT + BAR, y + 55))
    drawing.text(
        1,
        y + 80,
        "Near duplicates are one group, on one side of each split",
        anchor="start",
        source="wholescript.data.films.duplicates:group_near_duplicates",
    )


def _row(
    drawing: Drawing, y: float, height: float, n_parts: int, chosen: int, colour: Colour
) -> None:
    """Draw a row of parts, one of them solid."""
    width = BAR / n_parts
    for part in range(n_parts):
        x = LEFT + part * width
        if part == chosen:
            drawing.rectangle(x, y, width - 2, height, colour, "solid")
        else:
            drawing.rectangle(x, y, width - 2, height, "blue")
