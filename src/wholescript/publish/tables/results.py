"""The table of results: models sorted by a metric, with intervals, comparisons and publications."""

from collections.abc import Sequence
from dataclasses import dataclass

from wholescript.errors import RunError, did_you_mean
from wholescript.experiments.metrics import METRICS, MetricInfo
from wholescript.experiments.published import PUBLISHED, PublishedResult
from wholescript.experiments.registry import dataset_display_name
from wholescript.experiments.results import Results
from wholescript.publish.tables import nodes
from wholescript.publish.tables.nodes import Cell, Node
from wholescript.publish.tables.runs import TableRun, find_comparison, find_run, find_runs

LOWER_IS_BETTER = frozenset(
    {"bits_per_byte", "brier", "ece", "log_loss", "nats_per_character", "activation_gb"}
)
FOLDS = {"random": "5 x 5", "first_repeat": "1 x 5", "temporal": "later films"}
"""Repeats x folds of cross-validated runs, by the name of the split in their settings."""


@dataclass(frozen=True)
class _Row:
    condition: str
    value: float
    cells: list[Cell]


def results_table(
    results: Results,
    runs: str,
    *,
    metric: str,
    baselines: str,
    n: str = "",
    published: str = "",
    also: str = "",
) -> Node:
    """Return the table of results of some runs, the best first within each condition.

    Args:
        results: the stored results.
        runs: names or patterns of runs (`runs.find_runs`).
        metric: the metric to sort by, which every run has with an interval.
        baselines: the run to compare with, and further ones for runs without a stored comparison
            with it. For several data sets `*` stands for that of the run. Where more than one is
            used, each comparison names its own.
        n: the reference of the number of tested films; document classifiers store theirs.
        published: names of published results (`experiments.published`).
        also: further metrics that are shown.

    Raises:
        RunError: a run, metric or published result does not exist, no number of tested items is
            known, or a run has no stored comparison with any of the baselines.
    """
    shown = find_runs(results, runs, (metric,))
    metrics = [_find_metric(name) for name in (metric, *also.split())]
    compared = baselines.split()
    if not compared:
        raise RunError("the table names no baseline to compare with")
    for run in shown:
        _with_interval(results, run.name, metric)
    comparison, is_named = _comparison_header(results, shown, compared, metric)
    first, *others = (_metric_header(info) for info in metrics)
    header = ["Model", first, comparison, *others, "Folds", "Seeds", "n"]

    def own_row(run: TableRun) -> _Row:
        folds = FOLDS.get(str(run.config["settings"].get("split", "")), "")
        seeds = f"{run.name}:seeds" if "seeds" in results.metrics(run.name) else ""
        value, *further = (_with_interval(results, run.name, info.name) for info in metrics)
        cells = [
            nodes.text(run.model),
            value,
            _comparison(results, run, compared, metric, is_named=is_named),
            *further,
            nodes.text(folds),
            nodes.result(results, seeds, ".0f") if seeds else [],
            n_tested(results, run, n),
        ]
        return _Row(run.condition, results.metric(f"{run.name}:{metric}").value, cells)

    rows = [*map(own_row, shown), *(_published_row(name, header) for name in published.split())]
    order = list(dict.fromkeys(row.condition for row in rows))
    rows.sort(key=lambda row: (order.index(row.condition), rank(metric, row.value)))
    cells, groups = [row.cells for row in rows], [_capitalized(row.condition) for row in rows]
    after = dict.fromkeys(header[3:-1], nodes.MERGED)
    blank = {comparison: "published result"} | after
    return nodes.table(header, cells, right=("n", "Seeds"), groups=groups, blank=blank)


def rank(metric: str, value: float) -> float:
    """Return a number that is lower for a better value of a metric, to sort by."""
    return value if metric in LOWER_IS_BETTER else -value


def _find_metric(name: str) -> MetricInfo:
    if name not in METRICS:
        raise RunError(f"the registry has no metric {name!r}{did_you_mean(name, METRICS)}")
    return METRICS[name]


def _metric_header(info: MetricInfo) -> str:
    unit = f", {info.unit}" if info.unit and info.unit != info.display_name else ""
    return f"{_capitalized(info.display_name)}{unit} (interval)"


def _with_interval(results: Results, run: str, metric: str) -> Cell:
    if results.metric(f"{run}:{metric}").low is None:
        raise RunError(f"{run}:{metric} has no interval")
    return nodes.result(results, f"{run}:{metric}", "interval")


def comparison_cell(results: Results, run: str, baseline: str, metric: str) -> Cell:
    """Return the stored comparison of a run with a baseline; empty if there is none."""
    reference, is_ratio = find_comparison(results, run, baseline, metric)
    if not reference:
        return []
    return nodes.result(results, reference, "interval") if is_ratio else nodes.difference(reference)


def comparison_name(results: Results, run: str, baseline: str, metric: str) -> str:
    """Return what the stored comparison of a run with a baseline is, such as `difference from`.

    Error rates are compared for accuracies (`error_rate_ratio`).
    """
    _, is_ratio = find_comparison(results, run, baseline, metric)
    if not is_ratio:
        return "difference from"
    of = "error rates" if metric == "accuracy" else METRICS[metric].display_name
    return f"ratio of {of} to"


def n_tested(results: Results, run: TableRun, n: str) -> Cell:
    """Return the number of items that a run was tested on, by default the one that it stores."""
    if n:
        return nodes.result(results, n, ",.0f")
    documents = run.config.get("documents")
    if isinstance(documents, dict):
        return nodes.of_run(run.name, f"{documents['test']:,}")
    raise RunError(
        f"{run.name!r} does not store how many items it was tested on: name the number, as in "
        ":n: corpus/statistics:n_films"
    )


def _published_row(name: str, header: Sequence[str]) -> _Row:
    if name not in PUBLISHED:
        raise RunError(f"there is no published result {name!r}{did_you_mean(name, PUBLISHED)}")
    found: PublishedResult = PUBLISHED[name]
    low, high = found.interval()
    interval = f"{found.accuracy:.3f} ({low:.3f} to {high:.3f})"
    cells: list[Cell] = [[] for _ in header]
    cells[0] = nodes.joined(nodes.text(f"{found.display_name}:"), nodes.citation(found.citation))
    cells[1] = nodes.fixed(interval.replace(" ", "\N{NO-BREAK SPACE}"))
    cells[-1] = nodes.fixed(f"{found.n_test:,}")
    return _Row(dataset_display_name(found.dataset), found.accuracy, cells)


def _comparison_header(
    results: Results, runs: Sequence[TableRun], baselines: Sequence[str], metric: str
) -> tuple[str, bool]:
    """Return the header of the comparisons, and whether each has to name its baseline."""
    pairs = [(run.name, find_baseline(results, run, baselines, metric)) for run in runs]
    others = [pair for pair in pairs if pair[0] != pair[1]] or pairs
    name = _capitalized(comparison_name(results, *others[0], metric))
    used = sorted({find_run(results, baseline).model for _, baseline in others})
    is_named = len(used) > 1
    return f"{name} {'the model named' if is_named else used[0]}", is_named


def find_baseline(results: Results, run: TableRun, baselines: Sequence[str], metric: str) -> str:
    """Return the first baseline that a run has a stored comparison with, or is itself.

    Raises:
        RunError: there is none.
    """
    of_dataset = [baseline.replace("*", run.dataset) for baseline in baselines]
    for baseline in of_dataset:
        if run.name == baseline or find_comparison(results, run.name, baseline, metric)[0]:
            return baseline
    raise RunError(
        f"no notebook stored a comparison of {run.name!r} with {' or '.join(of_dataset)}: store "
        "it, or name another baseline"
    )


def _comparison(
    results: Results, run: TableRun, baselines: Sequence[str], metric: str, *, is_named: bool
) -> Cell:
    baseline = find_baseline(results, run, baselines, metric)
    if run.name == baseline:
        return nodes.text("baseline")
    cell = comparison_cell(results, run.name, baseline, metric)
    preposition = comparison_name(results, run.name, baseline, metric).rpartition(" ")[2]
    named = nodes.text(f"{preposition} {find_run(results, baseline).model}") if is_named else []
    return nodes.lines(cell, named)


def _capitalized(name: str) -> str:
    return name[:1].upper() + name[1:]
