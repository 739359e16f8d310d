"""The tables of the report: its directives on the stored results, without a build."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from scipy.stats import binomtest

from wholescript.experiments.metrics import METRICS
from wholescript.experiments.published import PUBLISHED
from wholescript.experiments.registry import CHECKPOINTS, DATASETS, MODELS
from wholescript.experiments.results import Results
from wholescript.files import ROOT
from wholescript.publish.tables.directives import make_table
from wholescript.publish.tables.models import DEFAULT_OPTIMIZER, OPTIMIZERS
from wholescript.publish.tables.overview import (
    BASELINE,
    OVERVIEW,
    Study,
    overview_table,
)
from wholescript.publish.tables.pages import find_directive, read_directives
from wholescript.publish.tables.results import LOWER_IS_BETTER
from wholescript.publish.tables.runs import find_run, find_runs
from wholescript.training import loop

RESULTS = Results(ROOT / "results")
PAGES = [ROOT / "index.md", *sorted((ROOT / "report").glob("*.md"))]
NAMES = ("datasets", "licences", "models", "results", "overview", "film-columns")
TABLES = [
    (page.name, found.name, found.argument, found.options)
    for page in PAGES
    for found in read_directives(page)
    if found.name in NAMES
]
LABELS = [options["label"] for _, _, _, options in TABLES]
STUDY_PAGES = ("classifiers.md", "encoder.md", "generative.md", "headlines.md", "screenplays.md")


@pytest.mark.parametrize(("page", "name", "argument", "options"), TABLES, ids=LABELS)
def test_table_of_a_page_has_all_it_names(
    page: str, name: str, argument: str, options: dict[str, str]
) -> None:
    table = make_table(name, argument, options, RESULTS)
    widths = [sum(cell.get("colspan", 1) for cell in row["children"]) for row in table["children"]]
    assert len(set(widths)) == 1
    assert all(cell["children"] for row in table["children"] for cell in row["children"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_written_tables_have_no_blank_cell(page: Path) -> None:
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("|")]
    cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert not {"", "-", "\N{EN DASH}", "\N{EM DASH}"} & set(cells)


@pytest.mark.parametrize("page", STUDY_PAGES)
def test_study_has_a_table_of_data_models_and_results(page: str) -> None:
    assert {name for of, name, _, _ in TABLES if of == page} >= {"datasets", "models", "results"}


def test_pages_refer_to_tables_by_labels_of_their_own() -> None:
    assert len(set(LABELS)) == len(LABELS)
    assert all(label.startswith("table-") for label in LABELS)


@pytest.mark.parametrize("study", OVERVIEW, ids=lambda study: study.title)
def test_overview_row_is_the_first_of_the_table_on_its_page(study: Study, shown: Callable) -> None:
    row = shown(overview_table(RESULTS))[1 + OVERVIEW.index(study)]
    on_page = find_directive(ROOT / study.page, study.table)
    table = make_table(on_page.name, on_page.argument, on_page.options, RESULTS)
    in_group, compared = not study.condition, []
    for cells in shown(table)[1:]:
        if len(cells) == 1:
            in_group = study.condition in ("", cells[0], cells[0][:1].lower() + cells[0][1:])
        elif in_group and "published result" not in cells:
            compared.append(cells)
    models = [cells for cells in compared if fnmatchcase(cells[1].partition(":")[0], study.models)]
    first = next(cells for cells in models if cells[2] != "baseline")
    assert row[2] == first[0]
    assert row[3].endswith(first[1])
    assert first[2].partition("from ")[0] in row[5]
    if row[4] in (cells[0] for cells in compared):  # it may stand under another condition
        top = compared[0][0]
        better = {first[0]: "", row[4]: f"{BASELINE} best, "}.get(top, f"{top} best, ")
        assert row[5].startswith(better or first[2].partition("from ")[0])


def test_front_page_names_the_models_that_the_overview_leaves_out() -> None:
    """Runs of a table on a page under a condition that no row of the overview has."""
    front_page = (ROOT / "index.md").read_text("utf-8")
    conditions: dict[tuple[str, str], set[str]] = {}
    for study in OVERVIEW:
        conditions.setdefault((study.page, study.table), set()).add(study.condition)
    left_out = []
    for (page, label), shown in conditions.items():
        table = find_directive(ROOT / page, label)
        runs = find_runs(RESULTS, table.argument, (table.options["metric"],))
        left_out += [run.name for run in runs if not {"", run.condition} & shown]
    assert left_out == ["evaluation/ngrams-more-films", "evaluation/ngrams-year-more-films"]
    assert all(f"{{result}}`{name}:auc" in front_page for name in left_out)


def test_late_fusion_has_one_name() -> None:
    run = "training/gated-attention-and-year-length-layout-tfidf"
    assert find_run(RESULTS, run).model == "late fusion"
    for name in ("04_training", "05_evaluation"):
        source = (ROOT / "notebooks" / f"{name}.py").read_text("utf-8")
        assert '"late fusion"' in source


def test_what_the_registry_says_of_data_sets_is_complete() -> None:
    described = [entry for entry in DATASETS.values() if entry.statistics]
    assert len(described) >= 6
    for entry in described:
        assert entry.split_rule and entry.url.startswith("https://")
        assert entry.licence and entry.in_repository
        assert RESULTS.metrics(entry.statistics)


def test_frozen_checkpoints_of_models_are_registered() -> None:
    assert {entry.checkpoint for entry in MODELS.values()} - {""} <= set(CHECKPOINTS)


def test_networks_are_trained_by_the_default_optimizer() -> None:
    assert f"torch.optim.{OPTIMIZERS[DEFAULT_OPTIMIZER]}(" in inspect.getsource(loop.fit)


@pytest.mark.parametrize("entry", PUBLISHED.values(), ids=PUBLISHED)
def test_published_results_have_data_citation_and_interval(entry) -> None:
    assert entry.dataset in DATASETS
    bibliography = (ROOT / "report" / "references.bib").read_text("utf-8")
    assert f"{{{entry.citation}," in bibliography
    correct = round(entry.accuracy * entry.n_test)
    expected = binomtest(correct, entry.n_test).proportion_ci(method="wilson")
    assert entry.interval() == pytest.approx(
        (expected.low, expected.high), abs=2e-4
    )  # rounded to whole texts


def test_published_accuracy_is_the_stored_one() -> None:
    stored, entry = RESULTS.metrics("generative/published"), PUBLISHED["imdb-class-gpt2"]
    assert (stored["accuracy"].value, stored["n_test"].value) == (entry.accuracy, entry.n_test)
    assert entry.interval() == pytest.approx((stored["accuracy"].low, stored["accuracy"].high))


def test_directions_of_metrics_are_of_registered_metrics() -> None:
    assert set(METRICS) >= LOWER_IS_BETTER


def test_module_needs_no_site_packages() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
    code += "import wholescript.publish.tables.directives"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
    assert Path(ROOT / "theme" / "plugins" / "roles.mjs").read_text("utf-8").count("overview")
