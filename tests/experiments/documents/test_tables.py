from dataclasses import replace

import numpy as np
import pytest

from tests.experiments.documents.questions import tiny_classifier
from wholescript.errors import ParameterError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.tables import (
    accuracy_table,
    by_dataset,
    crossover_table,
    label_noise_table,
    learning_curve_table,
    learning_rate_table,
    local_document_runs,
    model_table,
    trained_on_all,
    validation_optimism,
)
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import run
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.tfidf_svm import TfidfSVM
from wholescript.project import Project
from wholescript.publish.comparison.classifiers import (
    cost_table,
    epochs_to_convergence,
    metrics_with_intervals,
    paired_differences,
)


@pytest.fixture(scope="module")
def runs(dataset, tmp_path_factory):
    """Two models on all documents and on fewer, on noisy labels, and with a learning rate."""
    root = tmp_path_factory.mktemp("study")
    workspace = Workspace(Project(root), RunStore(root / "runs"))
    configs = [
        DataConfig(0),
        DataConfig(1),
        DataConfig(0, 60),
        DataConfig(1, 60),
        DataConfig(0, None, "crowd"),
    ]
    experiments = [
        DocumentExperiment(estimator, config)
        for config in configs
        for estimator in (TfidfSVM(), tiny_classifier(2))
    ]
    faster = tiny_classifier(2)
    faster.train_config = replace(faster.train_config, learning_rate=0.02)
    for experiment in (*experiments, DocumentExperiment(faster, name="scratch-tiny-lr2e-2")):
        run(experiment, dataset, workspace, progress=False)
    return local_document_runs(workspace.store.root)


@pytest.fixture
def models(runs):
    return by_dataset(trained_on_all(runs))["questions"]


def test_runs_are_selected_by_data(runs, models):
    assert {name: len(seeds) for name, seeds in models.items()} == {
        "scratch-tiny": 2,
        "tfidf-svm": 2,
    }
    (folder,) = {seeds[0].path.parents[1] for seeds in runs.values()}
    assert local_document_runs("") == {} == local_document_runs(folder, "answers")
    with pytest.raises(ParameterError, match="nowhere"):
        local_document_runs("nowhere")


def test_model_and_accuracy_tables(models):
    table = model_table(models)
    assert table["error"].is_monotonic_increasing
    accuracies = [seed.metrics["accuracy"].value for seed in models["tfidf-svm"]]
    assert table.loc["tfidf-svm", "error"] == pytest.approx(1 - np.mean(accuracies))
    costs = ["trained_parameters", "train_seconds", "inference_seconds_per_1000", "seeds"]
    assert (table[costs] > 0).all(axis=None)
    assert list(accuracy_table(models).index) == list(table.index[::-1])


def test_validation_optimism_is_validation_minus_test_accuracy(models):
    for name, row in validation_optimism(models).iterrows():
        means = [
            np.mean([(one.predicted == one.labels).mean() for one in predictions])
            for predictions in (
                [seed.val_predictions(DocumentPredictions) for seed in models[name]],
                [seed.predictions(DocumentPredictions) for seed in models[name]],
            )
        ]
        assert row[["validation", "test"]].tolist() == pytest.approx(means)
        assert row["value"] == pytest.approx(means[0] - means[1])
        assert row["low"] <= row["value"] <= row["high"]


def test_learning_curves_crossover_learning_rates_and_label_noise(runs):
    curves = learning_curve_table(runs)
    assert curves.groupby("model")["n_train"].nunique().tolist() == [2, 2]
    assert set(map(len, curves["seeds"])) == {2}
    pairs = crossover_table(curves, [("scratch-tiny", "tfidf-svm")])
    better = pairs.loc["scratch-tiny / tfidf-svm", "better_beyond"]
    assert better in ("scratch-tiny", "tfidf-svm", "neither")
    assert list(learning_rate_table(runs, "scratch-tiny").index) == [0.01, 0.02]
    noise = label_noise_table(by_dataset(runs)["questions"], "crowd")
    assert list(noise.index) == ["scratch-tiny", "tfidf-svm"]
    finite = noise.dropna()  # without errors on true labels there is no ratio
    assert (finite["low"] <= finite["error_ratio"]).all()
    assert (finite["error_ratio"] <= finite["high"]).all()
    assert (noise["error_noisy_labels"] >= noise["error_true_labels"]).all()


def test_comparison_tables(models):
    scores = metrics_with_intervals(models)
    assert {"accuracy", "macro_f1", "weighted_f1", "ece"} <= set(scores.index.levels[1])
    costs = cost_table(models)
    assert costs.loc["tfidf-svm", "seeds"] == 2
    assert costs["parameters"].notna().all()
    assert np.isnan(costs.loc["tfidf-svm", "seconds_per_epoch"])
    assert 1 <= epochs_to_convergence(models)["scratch-tiny"] <= 2
    table = paired_differences(models, "tfidf-svm")
    assert set(table["model"]) == {"scratch-tiny"}
    with pytest.raises(ParameterError, match="'other'"):
        paired_differences(models, "other")
