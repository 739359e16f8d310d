"""The tables of pages, on small stored runs."""

from collections.abc import Callable

import pytest

from wholescript.data.film_columns import LOCAL_COLUMNS
from wholescript.errors import RunError
from wholescript.experiments.registry import DATASETS
from wholescript.experiments.results import Results
from wholescript.publish.tables import nodes
from wholescript.publish.tables.directives import make_table
from wholescript.publish.tables.overview import Study, best_model
from wholescript.publish.tables.runs import find_comparison, find_run, find_runs

DOCUMENTS = {"metric": "accuracy", "baseline": "classifiers/*-tfidf-svm"}
FILMS = {"metric": "auc", "baseline": "evaluation/unigrams", "n": "corpus/statistics:n_films"}


def test_columns_without_content_are_left_out(shown: Callable) -> None:
    rows = [[nodes.text("a"), [], nodes.fixed("1")], [nodes.text("b"), [], []]]
    table = nodes.table(("Model", "Length", "n"), rows, right=("n",), blank={"n": "unknown"})
    assert shown(table) == [["Model", "n"], ["a", "1"], ["b", "unknown"]]
    head, first, second = table["children"]
    assert [cell.get("header") for cell in head["children"]] == [True, True]
    assert [cell.get("align") for cell in first["children"]] == [None, "right"]
    assert [cell.get("align") for cell in second["children"]] == [None, None]


def test_empty_cells_say_why_or_are_an_error(shown: Callable) -> None:
    header = ("Model", "Rate", "Epochs")
    filled = [nodes.text("a"), nodes.fixed("1"), nodes.fixed("2")]
    blank = {"Rate": "no epochs", "Epochs": nodes.MERGED}
    table = nodes.table(header, [filled, [nodes.text("b"), [], []]], blank=blank)
    assert shown(table)[2] == ["b", "no epochs"]
    assert table["children"][2]["children"][1]["colspan"] == 2
    for cells, words in (([[], []], {}), ([nodes.fixed("1"), []], blank)):
        with pytest.raises(RunError, match="is empty: say why in a word"):
            nodes.table(header, [filled, [nodes.text("b"), *cells]], blank=words)


def test_groups_of_rows_start_with_their_name(shown: Callable) -> None:
    rows = [[nodes.text(name)] for name in "abc"]
    assert shown(nodes.table(("Model",), rows, groups=("x", "x", "y")))[1:] == [
        ["x"], ["a"], ["b"], ["y"], ["c"],
    ]  # fmt: skip
    assert len(shown(nodes.table(("Model",), rows, groups=("x", "x", "x")))) == 4


def test_table_without_rows_is_an_error() -> None:
    with pytest.raises(RunError, match="this table has no row"):
        nodes.table(("Model",), [])


def test_settings_of_a_summary_are_those_of_its_trained_runs(results: Results) -> None:
    run = find_run(results, "classifiers/banking77-smollm2-lora")
    assert (run.model, run.dataset) == ("SmolLM2-135M, LoRA", "banking77")
    assert run.trained == ("banking77/smollm2-lora-s0", "banking77/smollm2-lora-s1")
    assert run.estimator["pretrained"] == "smollm2"


def test_pattern_leaves_out_runs_without_the_metric(results: Results) -> None:
    found = find_runs(results, "classifiers/banking77-s* classifiers/*-svm", ("accuracy",))
    names = [run.name.partition("-")[2] for run in found]
    assert names == ["scratch-tiny", "smollm2-lora", "tfidf-svm"]  # not banking77-statistics


def test_comparisons_are_differences_or_ratios(results: Results) -> None:
    difference = find_comparison(results, "evaluation/ngrams", "evaluation/unigrams", "auc")
    assert difference == ("evaluation/ngrams - evaluation/unigrams:auc", False)
    pair = "classifiers/banking77-scratch-tiny", "classifiers/banking77-tfidf-svm"
    ratio = "classifiers/banking77-ratios:scratch-tiny_over_tfidf-svm"
    assert find_comparison(results, *pair, "accuracy") == (ratio, True)
    assert find_comparison(results, "evaluation/mean-pooling", "evaluation/unigrams", "auc") == (
        "",
        False,
    )


def test_results_are_sorted_and_compared(results: Results, shown: Callable) -> None:
    table = make_table("results", "classifiers/banking77-*", DOCUMENTS, results)
    run, ratio = "classifiers/banking77-{}:accuracy|interval", "classifiers/banking77-ratios:{}"
    head, *rows = shown(table)
    assert head[:3] == [
        "Model",
        "Accuracy (interval)",
        "Ratio of error rates to TF-IDF + linear SVM",
    ]
    assert [row[:3] for row in rows] == [
        [
            "SmolLM2-135M, LoRA",
            run.format("smollm2-lora"),
            ratio.format("smollm2-lora_over_tfidf-svm|interval"),
        ],
        ["TF-IDF + linear SVM", run.format("tfidf-svm"), "baseline"],
        [
            "tiny transformer from scratch",
            run.format("scratch-tiny"),
            ratio.format("scratch-tiny_over_tfidf-svm|interval"),
        ],
    ]
    assert {row[head.index("n")] for row in rows} == {"3,080"}


def test_published_results_are_sorted_in_with_their_citation(
    results: Results, shown: Callable
) -> None:
    options = DOCUMENTS | {"published": "banking77-use-convert"}
    head, first, *_ = shown(make_table("results", "classifiers/banking77-*", options, results))
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in first] == [
        "USE and ConveRT embeddings + classifier: casanueva2020banking77",
        "0.934 (0.924 to 0.942)",
        "published result",
        "3,080",
    ]
    assert head[-3:] == ["Ratio of error rates to TF-IDF + linear SVM", "Seeds", "n"]


def test_films_have_their_number_and_split(results: Results, shown: Callable) -> None:
    table = make_table("results", "evaluation/ngrams evaluation/unigrams", FILMS, results)
    assert shown(table) == [
        [
            "Model",
            "AUROC (interval)",
            "Difference from unigrams",
            "Folds",
            "n",
        ],
        [
            "n-grams (1 to 3)",
            "evaluation/ngrams:auc|interval",
            "evaluation/ngrams - evaluation/unigrams:auc|interval",
            "5 x 5",
            "corpus/statistics:n_films|,.0f",
        ],
        [
            "unigrams",
            "evaluation/unigrams:auc|interval",
            "baseline",
            "5 x 5",
            "corpus/statistics:n_films|,.0f",
        ],
    ]


def test_models_show_what_the_settings_hold(results: Results, shown: Callable) -> None:
    names = "classifiers/banking77-tfidf-svm classifiers/banking77-s*"
    head, svm, scratch, tuned = shown(make_table("models", names, {}, results))
    assert dict(zip(head, tuned, strict=True)) == {
        "Model": "SmolLM2-135M, LoRA",
        "Checkpoint": "SmolLM2-135M-Instruct",
        "Parameters (trained)": "classifiers/banking77-smollm2-lora:parameters|compact",
        "Optimiser, learning rate": "AdamW, 0.0005",
        "Batch": "32",
        "Epochs": "3",
        "Seeds": "classifiers/banking77-smollm2-lora:seeds|.0f",
        "Hardware": "AMD EPYC, 1 of 2 cores",
        "Time": "classifiers/banking77-smollm2-lora:train_seconds|time",
    }
    column = head.index
    rate = "Optimiser, learning rate"
    assert [svm[column(name)] for name in ("Checkpoint", rate)] == ["none", "fitted without epochs"]
    assert len(svm) == len(head) - 2  # one cell for rate, batch and epochs
    assert [scratch[column(name)] for name in ("Checkpoint", rate, "Epochs")] == [
        "none",
        "AdamW, 0.001",
        "2, then 3",
    ]


def test_time_of_films_is_that_of_all_folds(results: Results, shown: Callable) -> None:
    assert shown(make_table("models", "evaluation/ngrams", {}, results)) == [
        ["Model", "Time"],
        ["n-grams (1 to 3)", "21\N{NO-BREAK SPACE}s"],
    ]


def test_each_comparison_names_its_baseline_where_there_are_several(
    results: Results, shown: Callable
) -> None:
    runs = "evaluation/unigrams evaluation/ngrams evaluation/mean-pooling"
    options = FILMS | {"baseline": "evaluation/unigrams evaluation/ngrams"}
    head, ngrams, unigrams, pooled = shown(make_table("results", runs, options, results))
    assert head[2] == "Difference from the model named"
    assert ngrams[2].endswith("|intervalfrom unigrams")
    assert unigrams[2] == "baseline"
    assert pooled[2].endswith("|intervalfrom n-grams (1 to 3)")
    options = FILMS | {"baseline": "evaluation/ngrams"}
    head, _, pooled = shown(make_table("results", " ".join(runs.split()[1:]), options, results))
    assert head[2] == "Difference from n-grams (1 to 3)"
    assert pooled[2].endswith("|interval")


def test_results_of_films_are_apart_by_what_the_models_take(
    results: Results, shown: Callable
) -> None:
    names = ("evaluation/unigrams", "evaluation/ngrams", "evaluation/ngrams-year")
    more = " evaluation/ngrams-more-films"
    table = make_table("results", " ".join(names) + more, FILMS, results)
    first = [row[0] for row in shown(table)[1:]]
    assert first == [
        "Script alone",
        "n-grams (1 to 3)",
        "unigrams",
        "Script with year, length or layout",
        "n-grams, year",
        "Script alone, more training films",
        "n-grams (1 to 3), more training films",
    ]


def test_further_metrics_are_columns(results: Results, shown: Callable) -> None:
    runs = "evaluation/ngrams evaluation/unigrams"
    head, ngrams, _ = shown(make_table("results", runs, FILMS | {"also": "ece"}, results))
    assert head[3] == "Expected calibration error (interval)"
    assert ngrams[3] == "evaluation/ngrams:ece|interval"


def test_sources_state_what_the_table_of_licences_says(results: Results, shown: Callable) -> None:
    head, *rows = shown(make_table("licences", "banking77 ag_news films", {}, results))
    assert head == ["Data", "Licence, as its source states it", "In the repository"]
    assert [row[1:] for row in rows] == [
        [DATASETS[name].licence, DATASETS[name].in_repository]
        for name in ("banking77", "ag_news", "films")
    ]


def test_columns_of_films_are_a_table(results: Results, shown: Callable) -> None:
    head, *rows = shown(make_table("film-columns", "", {}, results))
    assert head == ["Column", "Content", "Needed"]
    assert [row[0] for row in rows] == list(LOCAL_COLUMNS)


OVERVIEW_PAGE = """
:::{results} classifiers/banking77-*
:label: table-results
:metric: accuracy
:baseline: classifiers/*-tfidf-svm
:::
"""


@pytest.mark.parametrize(
    ("argument", "models", "best", "better"),
    [
        ("*", "*", "smollm2-lora", ""),
        ("*", "*scratch*", "scratch-tiny", "SmolLM2-135M, LoRA"),
        ("scratch-tiny", "*", "scratch-tiny", "baseline"),
    ],
)
def test_best_model_is_no_baseline_and_says_what_is_better(
    results: Results, argument: str, models: str, best: str, better: str
) -> None:
    page = OVERVIEW_PAGE.replace("banking77-*", f"banking77-{argument}")
    (results.root.parent / "page.md").write_text(page, encoding="utf-8")
    study = Study("Short texts", "page.md", "table-results", models=models)
    found = best_model(results, study)
    assert found.run.name == f"classifiers/banking77-{best}"
    assert found.baseline == "classifiers/banking77-tfidf-svm"
    assert found.better == better


@pytest.mark.parametrize(
    ("table", "models", "message"),
    [
        ("table-other", "*", "page.md has no table with the label 'table-other'"),
        ("table-results", "*svm", "no model of the study 'Short texts'"),
    ],
)
def test_study_without_a_row_on_its_page_is_an_error(
    results: Results, table: str, models: str, message: str
) -> None:
    (results.root.parent / "page.md").write_text(OVERVIEW_PAGE, encoding="utf-8")
    with pytest.raises(RunError, match=message):
        best_model(results, Study("Short texts", "page.md", table, models=models))


def test_datasets_link_to_their_source(results: Results, shown: Callable) -> None:
    table = make_table("datasets", "banking77", {}, results)
    head, row = shown(table)
    assert head == ["Data", "Licence", "Training", "Validation", "Test", "Classes", "Split"]
    assert row[:2] == ["Banking77", "CC BY 4.0"]
    assert row[4] == "classifiers/banking77-statistics:n_test|,.0f"
    link = table["children"][1]["children"][0]["children"][0]
    assert link["url"] == "https://huggingface.co/datasets/PolyAI/banking77"


@pytest.mark.parametrize(
    ("name", "argument", "options", "message"),
    [
        ("results", "evaluation/ngram", FILMS, "no run 'evaluation/ngram' .*did you mean"),
        ("results", "evaluation/x*", FILMS, r"no run in results/ matches 'evaluation/x\*'"),
        ("results", "evaluation/ngrams", {"metric": "auc"}, "needs the option :baseline:"),
        ("results", "evaluation/ngrams", FILMS | {"n": ""}, "name the number, as in :n: corpus"),
        ("results", "evaluation/ngrams", FILMS | {"n": "corpus/statistics:n"}, "no metric 'n'"),
        (
            "results",
            "evaluation/mean-pooling",
            FILMS,
            "no notebook stored a comparison",
        ),
        ("results", "evaluation/ngrams", FILMS | {"metric": "f1"}, "no metric 'f1'"),
        ("results", "evaluation/ngrams", FILMS | {"published": "x"}, "no published result 'x'"),
        ("models", "classifiers/banking77-statistics", {}, "no trained run: it has no settings"),
        ("results", "classifiers/banking77-statistics", DOCUMENTS, "no metric 'accuracy'"),
        ("models", "", {}, "the directive 'models' needs names"),
        ("datasets", "banking7", {}, "no data set 'banking7'; did you mean 'banking77'"),
        ("datasets", "yelp_polarity", {}, "no data set 'yelp_polarity'"),
        ("datasets", "headlines", {}, "no run 'headlines/baseline'"),
        ("overview", "", {}, "screenplays.md has no table with the label"),
        ("licences", "yelp_polarity", {}, "no data set 'yelp_polarity'"),
        ("tables", "", {}, "there is no table 'tables'"),
    ],
)
def test_what_is_missing_is_an_error(
    results: Results, name: str, argument: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(RunError, match=message):
        make_table(name, argument, options, results)
