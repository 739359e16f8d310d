"""The overview of all studies: the best model of each, its metric, and the baseline."""

from dataclasses import dataclass

from wholescript.errors import RunError
from wholescript.experiments.metrics import METRICS
from wholescript.experiments.results import Results
from wholescript.publish.tables import nodes
from wholescript.publish.tables.nodes import Cell, Node
from wholescript.publish.tables.results import LOWER_IS_BETTER, comparison_cell
from wholescript.publish.tables.runs import find_run

HEADER = ("Study", "Data", "n", "Metric", "Best model", "Value", "Baseline", "Against the baseline")


@dataclass(frozen=True)
class Study:
    """A row of the overview.

    Attributes:
        title: what the study compares; links to its page.
        page: its page, relative to the root of the site's sources.
        data: the name of the data.
        n: the reference of the number of items that the metric is measured on, and their name.
        metric: the metric of the study, by its name in stored runs.
        baseline: the run that the others are compared with.
        models: the runs of which the best one is shown.
    """

    title: str
    page: str
    data: str
    n: tuple[str, str]
    metric: str
    baseline: str
    models: tuple[str, ...]


def _group(group: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{group}/{name}" for name in names)


_FILMS = ("corpus/statistics:n_films", "films")

OVERVIEW = (
    Study(
        "Nominations, from whole scripts",
        "report/screenplays.md",
        "screenplays",
        _FILMS,
        "auc",
        "evaluation/tfidf-logistic",
        (
            *_group("evaluation", "ngrams", "stacking"),
            *_group("training", "mean-pooling", "gated-attention", "query-decoder"),
        ),
    ),
    Study(
        "Language model, asked about scripts",
        "report/screenplays.md",
        "screenplays",
        ("language-models/reading:n_films", "films"),
        "auc",
        "language-models/ngrams",
        _group("language-models", "lm-zero-shot", "lm-few-shot", "lm-surprisal", "lm-answers"),
    ),
    Study(
        "Corrections of class imbalance",
        "report/imbalance.md",
        "screenplays",
        _FILMS,
        "auc",
        "imbalance/uncorrected",
        _group(
            "imbalance",
            "class-weights",
            "class-balanced",
            "oversampling",
            "smote",
            "focal-loss",
            "logit-adjustment",
        ),
    ),
    *(
        Study(
            "Classifiers, short texts" if dataset != "imdb" else "Classifiers, reviews",
            "report/classifiers.md",
            name,
            (f"classifiers/{dataset}-statistics:n_test", "test texts"),
            "accuracy",
            f"classifiers/{dataset}-tfidf-svm",
            _group("classifiers", *(f"{dataset}-{model}" for model in models)),
        )
        for dataset, name, models in (
            (
                "banking77",
                "Banking77",
                (
                    "sentence-linear",
                    "sentence-kernel",
                    "linear-ensemble",
                    "sparse-dense-ensemble",
                    "scratch-tiny",
                    "scratch-tiny-token-dropout",
                    "scratch-small",
                    "scratch-medium",
                    "smollm2-lora",
                ),
            ),
            (
                "ag_news",
                "AG News",
                (
                    "sentence-linear",
                    "sentence-kernel",
                    "linear-ensemble",
                    "sparse-dense-ensemble",
                    "scratch-tiny",
                    "smollm2-lora",
                ),
            ),
            (
                "imdb",
                "IMDB",
                ("sentence-linear", "sentence-kernel", "linear-ensemble", "scratch-tiny"),
            ),
        )
    ),
    Study(
        "One language model per class",
        "report/generative.md",
        "IMDB",
        ("generative/statistics:n_test", "test texts"),
        "accuracy",
        "generative/nb-svm",
        _group(
            "generative",
            "naive-bayes",
            "ngram-bayes",
            "ngram-interpolated",
            "lm-tiny-6-epochs",
            "lm-tiny-10-epochs",
            "lm-tiny-pretrained",
            "smollm2-pruned-bayes-shared-trunk",
            "ensemble-class-lms",
            "ensemble-class-lms-smollm2",
            "ensemble-nb-svm-ngram",
            "ensemble-nb-svm-class-lms",
            "ensemble-nb-svm-class-lms-smollm2",
        ),
    ),
    Study(
        "Encoder from scratch",
        "report/encoder.md",
        "IMDB",
        ("generative/statistics:n_test", "test texts"),
        "accuracy",
        "encoder/tfidf-logistic",
        _group(
            "encoder",
            "encoder",
            "encoder-published",
            "encoder-pretrained",
            "encoder-pretrained-8-epochs",
        ),
    ),
    Study(
        "Language model of headlines",
        "report/headlines.md",
        "Hacker News",
        ("headlines/best:n_validation", "headlines"),
        "bits_per_byte",
        "headlines/baseline",
        _group("headlines", "best"),
    ),
)
"""The studies that measure a model, in the order of the site."""


def overview_table(results: Results) -> Node:
    """Return the table of all studies, a row each.

    Raises:
        RunError: a result is missing, or the comparison of the best model with the baseline.
    """
    return nodes.table(HEADER, [_row(results, study) for study in OVERVIEW], right=("n",))


def best_model(results: Results, study: Study) -> str:
    """Return the run of a study with the best value of its metric; the first of equal ones."""
    sign = -1 if study.metric in LOWER_IS_BETTER else 1
    return max(study.models, key=lambda run: sign * results.metric(f"{run}:{study.metric}").value)


def _row(results: Results, study: Study) -> list[Cell]:
    best = best_model(results, study)
    compared = comparison_cell(results, best, study.baseline, study.metric, named=True)
    if not compared:
        raise RunError(f"no notebook stored a comparison of {best!r} with {study.baseline!r}")
    reference, items = study.n
    return [
        nodes.link(study.title, study.page),
        nodes.text(study.data),
        nodes.joined(nodes.result(results, reference, ",.0f"), nodes.text(items)),
        nodes.text(METRICS[study.metric].display_name),
        nodes.text(find_run(results, best).model),
        nodes.result(results, f"{best}:{study.metric}", "interval"),
        nodes.text(find_run(results, study.baseline).model),
        compared,
    ]
