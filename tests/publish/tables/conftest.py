from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric, Results
from wholescript.experiments.store import RunStore
from wholescript.publish.tables.nodes import Node

ACCURACIES = {"tfidf-svm": 0.9, "scratch-tiny": 0.85, "smollm2-lora": 0.92}
TRAIN_CONFIG = {"epochs": 3, "learning_rate": 0.0005, "gradient_accumulation_steps": 2}
ESTIMATORS: dict[str, dict[str, Any]] = {
    "tfidf-svm": {"model": "TfidfSVM", "Cs": [1.0]},
    "scratch-tiny": {
        "model": "ScratchClassifier",
        "batch_size": 32,
        "train_config": TRAIN_CONFIG | {"learning_rate": 0.001, "gradient_accumulation_steps": 1},
        "pretrain": TRAIN_CONFIG | {"epochs": 2, "learning_rate": 0.001},
    },
    "smollm2-lora": {
        "model": "FinetunedClassifier",
        "pretrained": "smollm2",
        "batch_size": 16,
        "train_config": TRAIN_CONFIG,
    },
}
RATIOS = {"scratch-tiny_over_tfidf-svm": 1.5, "smollm2-lora_over_tfidf-svm": 0.8}
AUCS = {
    "mean-pooling": 0.73,
    "ngrams": 0.78,
    "unigrams": 0.77,
    "ngrams-year": 0.79,
    "ngrams-more-films": 0.79,
}
FILM_SETTINGS = {"ngrams-year": {"candidates": [{"gaussian_kernels": [["year", 0.01]]}]}}
"""Settings of models of films besides the name of the class."""


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Stored runs of three document classifiers, with summaries, and of models of films."""
    store = RunStore(tmp_path / "results")
    for name, accuracy in ACCURACIES.items():
        settings = {"data_config": {}, "estimator": ESTIMATORS[name]}
        metadata = {
            "dataset": "banking77",
            "device": "AMD EPYC, 2 cores",
            "threads": 1,
            "documents": {"train": 900, "validation": 100, "test": 3080},
        }
        for seed in range(2):
            identity = RunIdentity("document_classifier", 1, settings, {"seed": seed})
            metric = {"accuracy": Metric(accuracy)}
            store.save(f"banking77/{name}-s{seed}", identity, metric, metadata=metadata)
        summary = {
            "accuracy": Metric(accuracy, accuracy - 0.01, accuracy + 0.01),
            "parameters": Metric(137_000_000),
            "train_seconds": Metric(1_620.0),
            "seeds": Metric(2),
        }
        identity = RunIdentity("notebook", 1, {"name": name}, {})
        store.save(f"classifiers/banking77-{name}", identity, summary)
    ratios = {name: Metric(value, value - 0.1, value + 0.1) for name, value in RATIOS.items()}
    store.save("classifiers/banking77-ratios", RunIdentity("notebook", 1, {}, {}), ratios)
    sizes = {"n_train": 900, "n_validation": 100, "n_test": 3080, "n_classes": 77}
    statistics = {name: Metric(value) for name, value in sizes.items()}
    identity = RunIdentity("notebook", 1, {"of": "sizes"}, {})
    store.save("classifiers/banking77-statistics", identity, statistics)
    for name, auc in AUCS.items():
        config = {"model": "TfidfLR", "columns": ["log_odds"]} | FILM_SETTINGS.get(name, {})
        settings = {"config": config, "estimator": name, "split": "random"}
        identity = RunIdentity("cross_validation", 1, settings, {})
        metric = {"auc": Metric(auc, auc - 0.03, auc + 0.03), "ece": Metric(0.05, 0.04, 0.06)}
        store.save(f"evaluation/{name}", identity, metric, metadata={"wall_time_s": 20.7})
    pairs = ["mean-pooling - evaluation/ngrams"]
    pairs += [f"{name} - evaluation/unigrams" for name in AUCS if name.startswith("ngrams")]
    differences = {f"evaluation/{pair}:auc": Metric(0.01, 0.005, 0.02) for pair in pairs}
    store.save("evaluation/differences", RunIdentity("notebook", 1, {}, {}), differences)
    store.save("corpus/statistics", RunIdentity("notebook", 1, {}, {}), {"n_films": Metric(1026)})
    return Results(tmp_path / "results")


@pytest.fixture
def shown() -> Callable[[Node], list[list[str]]]:
    """Return a function that gives the rows of a table as texts, of numbers their references."""

    def text(node: Node) -> str:
        data = node.get("data", {})
        own = node.get("value") or data.get("body") or node.get("label") or ""
        return own or "".join(map(text, node.get("children", [])))

    def rows(table: Node) -> list[list[str]]:
        return [
            ["".join(map(text, cell["children"])) for cell in row["children"]]
            for row in table["children"]
        ]

    return rows
