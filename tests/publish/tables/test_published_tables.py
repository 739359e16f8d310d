"""The tables of the report: its directives on the stored results, without a build."""

import inspect
import re
import subprocess
import sys
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
from wholescript.publish.tables.overview import OVERVIEW, best_model
from wholescript.publish.tables.results import LOWER_IS_BETTER
from wholescript.training import loop

RESULTS = Results(ROOT / "results")
DIRECTIVE = re.compile(r"^:::\{(datasets|models|results|overview)\}(.*)\n((?::\w+:.*\n)*)", re.M)
PAGES = [ROOT / "index.md", *sorted((ROOT / "report").glob("*.md"))]
TABLES = [
    (page.name, name, argument.strip(), dict(re.findall(r"^:(\w+): *(.*)$", options, re.M)))
    for page in PAGES
    for name, argument, options in DIRECTIVE.findall(page.read_text("utf-8"))
]
LABELS = [options["label"] for _, _, _, options in TABLES]
STUDY_PAGES = ("classifiers.md", "encoder.md", "generative.md", "headlines.md", "screenplays.md")


@pytest.mark.parametrize(("page", "name", "argument", "options"), TABLES, ids=LABELS)
def test_table_of_a_page_has_all_it_names(
    page: str, name: str, argument: str, options: dict[str, str]
) -> None:
    table = make_table(name, argument, options, RESULTS)
    assert len({len(row["children"]) for row in table["children"]}) == 1


@pytest.mark.parametrize("page", STUDY_PAGES)
def test_study_has_a_table_of_data_models_and_results(page: str) -> None:
    assert {name for of, name, _, _ in TABLES if of == page} >= {"datasets", "models", "results"}


def test_pages_refer_to_tables_by_labels_of_their_own() -> None:
    assert len(set(LABELS)) == len(LABELS)
    assert all(label.startswith("table-") for label in LABELS)


def test_overview_shows_the_best_model_of_each_study() -> None:
    for study in OVERVIEW:
        values = [RESULTS.metric(f"{run}:{study.metric}").value for run in study.models]
        best = min(values) if study.metric in LOWER_IS_BETTER else max(values)
        assert RESULTS.metric(f"{best_model(RESULTS, study)}:{study.metric}").value == best
        assert (ROOT / study.page).is_file()


def test_what_the_registry_says_of_data_sets_is_complete() -> None:
    described = [entry for entry in DATASETS.values() if entry.statistics]
    assert len(described) >= 6
    for entry in described:
        assert entry.split_rule and entry.url.startswith("https://")
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
    assert entry.interval() == pytest.approx((expected.low, expected.high), abs=1e-4)


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
