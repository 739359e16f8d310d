"""Comparison of two output roots: metrics, figures, tables and claims."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.results import Metric, Results
from wholescript.publish.claims import FILE, Claim, evaluate_claims
from wholescript.publish.comparison.images import compare_images
from wholescript.publish.comparison.metrics import MetricComparison, compare_metrics
from wholescript.publish.comparison.plots import compare_plots
from wholescript.publish.comparison.tables import compare_tables
from wholescript.publish.provenance.read import read_plots, read_records

# Largest shift, as a fraction of the axis, for which pixels are compared: about half a pixel.
IMAGE_COMPARISON_LIMIT = 5e-4


@dataclass(frozen=True)
class FigureComparison:
    """A figure or table, and its differences as text."""

    label: str
    differences: list[str]


@dataclass(frozen=True)
class ClaimComparison:
    """A claim whose result changes with the new metrics."""

    name: str
    statement: str
    stored: bool
    new: bool

    def __str__(self) -> str:
        """Return the change as text."""
        words = {True: "holds", False: "does not hold"}
        return f"{words[self.new]}, was {words[self.stored]}"


@dataclass(frozen=True)
class Comparison:
    """The compared metrics and figures of two roots, and the changed claims."""

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


def compare_outputs(
    stored: Path, new: Path, published: Collection[str] | None = None
) -> Comparison:
    """Compare the contents of two output roots.

    `published` names the notebooks that were executed with published parameters, by default all:
    only their figures and tables are compared, and of other notebooks only runs of the same
    experiment (`compare_metrics`). The claims are those of the stored root: evaluated on its
    results, and on them with the new metrics in their place, except measured time and memory.

    Raises:
        RunError: a stored file is damaged.
    """
    results = Results(stored / "results"), Results(new / "results")
    metrics = list(compare_metrics(*results, published))
    figures = list(_figures(stored, new, published))
    return Comparison(metrics, figures, list(_claims(stored, metrics)))


def _figures(
    stored: Path, new: Path, published: Collection[str] | None
) -> Iterator[FigureComparison]:
    a, b = (_records(root / "figures", published) for root in (stored, new))
    for label in sorted({*a, *b}):
        if label in a and label in b:
            folders = a[label]["folder"], b[label]["folder"]
            yield FigureComparison(label, list(_differences(label, *folders)))
        else:
            yield FigureComparison(label, ["is missing" if label in a else "is new"])


def _records(figures: Path, notebooks: Collection[str] | None) -> dict[str, dict[str, Any]]:
    return {
        label: record
        for label, record in read_records(figures).items()
        if notebooks is None or record["folder"].name in notebooks
    }


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


def _claims(stored: Path, metrics: list[MetricComparison]) -> Iterator[ClaimComparison]:
    remade: dict[str, dict[str, Metric]] = {}
    for metric in metrics:
        if metric.new and not metric.measured:
            remade.setdefault(metric.run, {})[metric.name] = metric.new
    before, after = _evaluated(stored), _evaluated(stored, remade)
    for name, claim in before.items():
        if claim.holds != after[name].holds:
            yield ClaimComparison(name, claim.statement, claim.holds, after[name].holds)


def _evaluated(root: Path, remade: dict[str, dict[str, Metric]] | None = None) -> dict[str, Claim]:
    try:
        return evaluate_claims(root, remade)
    except RunError as error:
        return {FILE.name: Claim(FILE.name, str(error))}
