"""Comparison of the metrics of stored runs with those of a rerun."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from wholescript.experiments.key import PARTS
from wholescript.experiments.metrics import is_measured
from wholescript.experiments.results import Metric, Results

MADE = ("commit", "code", "wall_time_s")
"""Metadata in which a run that was copied is equal to its original."""


@dataclass(frozen=True)
class MetricComparison:
    """A metric in the stored and in the new root; None where it is missing."""

    run: str
    name: str
    stored: Metric | None
    new: Metric | None

    @property
    def measured(self) -> bool:
        """Whether it is a time or memory, which another machine has other values of."""
        return is_measured(self.name)

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
        """Whether both values exist and differ by at most the tolerance, or are measured."""
        if self.measured:
            return True
        return self.difference is not None and abs(self.difference) <= self.tolerance


def compare_metrics(
    stored: Results, new: Results, published: Collection[str] | None = None
) -> Iterator[MetricComparison]:
    """Yield the metrics of each run that can be compared.

    `published` names the notebooks that were executed with published parameters, by default all.
    Their runs are compared whole, so that a missing one is found. A run of another notebook is
    compared if it is the same experiment as the stored one of its name, on the same data.
    """
    names = set(stored.names()), set(new.names())
    for run in sorted(names[0] | names[1]):
        a = stored.metrics(run) if run in names[0] else {}
        b = new.metrics(run) if run in names[1] else {}
        if not _is_published(run, new if b else stored, published):
            if not (a and b) or not _same_experiment(stored.config(run), new.config(run)):
                continue
            a = with_tolerances(a)
        elif a and b and is_copy(stored, new, run):
            continue
        for name in dict.fromkeys([*a, *b]):
            yield MetricComparison(run, name, a.get(name), b.get(name))


def is_copy(stored: Results, new: Results, run: str) -> bool:
    """Return whether a run of a rerun is the stored one, which the notebook could not make."""
    a, b = stored.config(run), new.config(run)
    return "wall_time_s" in a and all(a.get(key) == b.get(key) for key in MADE)


def with_tolerances(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return the metrics of one stored training, each with a tolerance.

    A network that is trained with another number of cores is another sample of the same experiment:
    its scores may move by the width of their intervals. A score without a tolerance has that of the
    accuracy. Whole numbers above one are counts, and exact.
    """
    by_epochs = "seconds_per_epoch" in metrics
    widened = {
        name: replace(metric, tolerance=max(metric.tolerance, metric.high - metric.low))
        if by_epochs and metric.low is not None and metric.high is not None
        else metric
        for name, metric in metrics.items()
    }
    accuracy = widened["accuracy"].tolerance if "accuracy" in widened else 0.0
    return {
        name: metric
        if metric.tolerance or (metric.value.is_integer() and metric.value > 1)
        else replace(metric, tolerance=accuracy * max(1.0, abs(metric.value)))
        for name, metric in widened.items()
    }


def _is_published(run: str, results: Results, published: Collection[str] | None) -> bool:
    """Return whether a cell of one of these notebooks made a run."""
    if published is None:
        return True
    config = results.config(run)
    return "cell" in config and config.get("notebook") in published


def _same_experiment(stored: Mapping[str, object], new: Mapping[str, object]) -> bool:
    return all(stored.get(part) == new.get(part) for part in PARTS)
