"""Comparison of two output roots: metrics, figures, tables and claims."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wholescript.errors import RunError
from wholescript.experiments.results import Metric, Results
from wholescript.publish.claims import FILE, Claim, evaluate_claims
from wholescript.publish.comparison.images import compare_images
from wholescript.publish.comparison.plots import compare_plots
from wholescript.publish.comparison.tables import compare_tables
from wholescript.publish.provenance.read import read_plots, read_records

# Largest shift, as a fraction of the axis, for which pixels are compared: about half a pixel.
IMAGE_COMPARISON_LIMIT = 5e-4


@dataclass(frozen=True)
class MetricComparison:
    """A metric in the stored and in the new root; None where it is missing."""

    run: str
    name: str
    stored: Metric | None
    new: Metric | None

    @property
    def tolerance(self) -> float:
        """The tolerance of the stored metric; of the new one if none is stored."""
        metric = self.stored or self.new
        return metric.tolerance if metric else 0.0

    @property
    def difference(self) -> float | None:
        """The new minus the stored value; None if one is missing."""
        if self.stored is None or self.new is None:
            return None
        return self.new.value - self.stored.value

    @property
    def within_tolerance(self) -> bool:
        """Whether both values exist and differ by at most the tolerance."""
        return self.difference is not None and abs(self.difference) <= self.tolerance


@dataclass(frozen=True)
class FigureComparison:
    """A figure or table, and its differences as text."""

    label: str
    differences: list[str]


@dataclass(frozen=True)
class ClaimComparison:
    """A claim whose result differs between the roots; None where the claim does not exist."""

    name: str
    statement: str
    stored: bool | None
    new: bool | None

    def __str__(self) -> str:
        """Return the change as text."""
        words = {True: "holds", False: "does not hold", None: "missing"}
        return f"{words[self.new]}, was {words[self.stored]}"


@dataclass(frozen=True)
class Comparison:
    """All metrics and figures of two roots, and the changed claims."""

    metrics: list[MetricComparison]
    figures: list[FigureComparison]
    claims: list[ClaimComparison]

    @property
    def metrics_out_of_tolerance(self) -> list[MetricComparison]:
        """The metrics that are missing, new or out of tolerance."""
        return [metric for metric in self.metrics if not metric.within_tolerance]

    @property
    def figures_changed(self) -> list[FigureComparison]:
        """The figures and tables that differ."""
        return [figure for figure in self.figures if figure.differences]

    @property
    def unchanged(self) -> bool:
        """Whether there is no difference."""
        return not (self.metrics_out_of_tolerance or self.figures_changed or self.claims)


def compare_outputs(stored: Path, new: Path) -> Comparison:
    """Compare the contents of two output roots.

    Raises:
        RunError: a stored file is damaged.
    """
    return Comparison(
        list(_metrics(Results(stored / "results"), Results(new / "results"))),
        list(_figures(stored, new)),
        list(_claims(stored, new)),
    )


def _metrics(stored: Results, new: Results) -> Iterator[MetricComparison]:
    runs = set(stored.names()), set(new.names())
    for run in sorted(runs[0] | runs[1]):
        a = stored.metrics(run) if run in runs[0] else {}
        b = new.metrics(run) if run in runs[1] else {}
        for name in dict.fromkeys([*a, *b]):
            yield MetricComparison(run, name, a.get(name), b.get(name))


def _figures(stored: Path, new: Path) -> Iterator[FigureComparison]:
    a, b = (read_records(root / "figures") for root in (stored, new))
    for label in sorted({*a, *b}):
        if label in a and label in b:
            folders = a[label]["folder"], b[label]["folder"]
            yield FigureComparison(label, list(_differences(label, *folders)))
        else:
            yield FigureComparison(label, ["is missing" if label in a else "is new"])


def _differences(label: str, stored: Path, new: Path) -> Iterator[str]:
    """Yield the differences of a figure or table that is in both folders."""
    files = [{path.name for path in folder.glob(f"{label}.*")} for folder in (stored, new)]
    for names, word in ((files[0] - files[1], "missing"), (files[1] - files[0], "new")):
        if names:
            yield f"files {word}: {', '.join(sorted(names))}"
    both = files[0] & files[1]
    if (table := f"{label}.csv") in both:
        yield from compare_tables(stored / table, new / table)
    plots = [read_plots(folder).get(label) for folder in (stored, new)]
    if plots[0] and plots[1]:
        compared = compare_plots(plots[0], plots[1])
        yield from compared.differences
        image = f"{label}.dark.png"
        # Points that moved within the tolerance change pixels legitimately.
        unmoved = not compared.differences and compared.max_shift < IMAGE_COMPARISON_LIMIT
        if unmoved and image in both:
            yield from compare_images(stored / image, new / image)


def _claims(stored: Path, new: Path) -> Iterator[ClaimComparison]:
    claims = _evaluated(stored), _evaluated(new)
    for name in sorted({*claims[0], *claims[1]}):
        a, b = (side.get(name) for side in claims)
        holds = tuple(claim.holds if claim else None for claim in (a, b))
        if holds[0] != holds[1] and (claim := b or a):
            yield ClaimComparison(name, claim.statement, *holds)


def _evaluated(root: Path) -> dict[str, Claim]:
    try:
        return evaluate_claims(root)
    except RunError as error:
        return {FILE.name: Claim(FILE.name, str(error), False, {})}
