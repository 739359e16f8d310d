"""The overview of all studies: the best model of each, its metric, and the baseline.

What a study compares, by which metric and with which baseline is read from the table of results on
its page, so that a row here is a row there.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from wholescript.errors import RunError
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.results import Results
from wholescript.publish.tables import nodes
from wholescript.publish.tables.nodes import Cell, Node
from wholescript.publish.tables.pages import find_directive
from wholescript.publish.tables.results import (
    comparison_cell,
    find_baseline,
    n_tested,
    rank,
)
from wholescript.publish.tables.runs import TableRun, find_run, find_runs

HEADER = ("Study", "n", "Best model", "Value", "Baseline", "Comparison")
BASELINE = "baseline"


@dataclass(frozen=True)
class Study:
    """A row of the overview.

    Attributes:
        title: what the study compares; links to its page.
        page: its page, relative to the root of the site's sources.
        table: the label of the table of results on that page.
        condition: that of the runs (`runs.TableRun.condition`); empty for a table with one.
        models: a pattern of the names of the runs that the study is about.
    """

    title: str
    page: str
    table: str
    condition: str = ""
    models: str = "*"


_SCREENPLAYS = ("report/screenplays.md", "table-screenplays-results")
_CLASSIFIERS = ("report/classifiers.md", "table-classifier-results")

OVERVIEW = (
    Study("Whole scripts", *_SCREENPLAYS, "script alone"),
    Study("Scripts and metadata", *_SCREENPLAYS, "script with year, length or layout"),
    Study(
        "Language model, scripts",
        "report/screenplays.md",
        "table-language-model-results",
        models="language-models/lm-*",
    ),
    Study("Class imbalance", "report/imbalance.md", "table-imbalance-results"),
    Study("Classifiers, Banking77", *_CLASSIFIERS, "Banking77"),
    Study("Classifiers, AG News", *_CLASSIFIERS, "AG News"),
    Study("Classifiers, IMDB", *_CLASSIFIERS, "IMDB"),
    Study("Generative, IMDB", "report/generative.md", "table-generative-results"),
    Study("Encoders, IMDB", "report/encoder.md", "table-encoder-results", models="*/encoder*"),
    Study("Headlines", "report/headlines.md", "table-headlines-results"),
)
"""The studies that measure a model, in the order of the site."""


@dataclass(frozen=True)
class BestModel:
    """The best run of a study but the baseline, and the baseline.

    `better` names the best model of all, where that is the baseline or not of the study's `models`.
    """

    run: TableRun
    baseline: str
    metric: str
    n: str
    better: str


def overview_table(results: Results) -> Node:
    """Return the table of all studies, a row each.

    Raises:
        RunError: a page has no such table of results, or a result of it is missing.
    """
    return nodes.table(HEADER, [_row(results, study) for study in OVERVIEW], right=("n",))


def best_model(results: Results, study: Study) -> BestModel:
    """Return the best model of a study, the first of equal ones.

    Raises:
        RunError: its page has no such table of results, or the table no such run.
    """
    shown = find_directive(results.root.parent / study.page, study.table)
    metric, baselines = shown.options["metric"], shown.options["baseline"].split()

    def value(run: str) -> float:
        return rank(metric, results.metric(f"{run}:{metric}").value)

    compared = [
        run
        for run in find_runs(results, shown.argument, (metric,))
        if run.condition == (study.condition or run.condition)
    ]
    candidates = [
        run
        for run in compared
        if fnmatchcase(run.name, study.models)
        and run.name != find_baseline(results, run, baselines, metric)
    ]
    if not candidates:
        raise RunError(f"the table {study.table!r} has no model of the study {study.title!r}")
    best = min(candidates, key=lambda run: value(run.name))
    baseline = find_baseline(results, best, baselines, metric)
    models = {best.name: "", baseline: BASELINE}  # of equal ones the first
    models |= {run.name: run.model for run in compared if run.name not in models}
    better = models[min(models, key=value)]
    return BestModel(best, baseline, metric, shown.options.get("n", ""), better)


def _row(results: Results, study: Study) -> list[Cell]:
    best = best_model(results, study)
    run, metric = best.run.name, best.metric
    compared = comparison_cell(results, run, best.baseline, metric)
    if best.better:
        compared = nodes.joined(nodes.text(f"{best.better} best"), compared, by=", ")
    return [
        nodes.link(study.title, study.page),
        n_tested(results, best.run, best.n),
        nodes.text(best.run.model),
        nodes.joined(
            nodes.text(METRICS[metric].display_name),
            nodes.result(results, f"{run}:{metric}", "interval"),
        ),
        nodes.text(find_run(results, best.baseline).model),
        compared,
    ]
