import numpy as np
import pytest

from tests.experiments.documents.questions import models_on_all, train_runs, two_models
from wholescript.errors import ParameterError
from wholescript.experiments.documents.tables import (
    accuracy_table,
    by_model,
    error_rate_ratios,
    learning_curve_table,
    model_table,
    trained_on_n,
)
from wholescript.publish.comparison.classifiers import (
    cost_table,
    epochs_to_convergence,
    metrics_with_intervals,
    paired_differences,
)


@pytest.fixture(scope="module")
def runs(dataset, tmp_path_factory):
    """Two models on all documents and on fewer."""
    return train_runs(dataset, tmp_path_factory.mktemp("runs"), two_models())


@pytest.fixture
def models(runs):
    return models_on_all(runs)


def test_runs_are_selected_by_data(runs, models):
    assert {name: len(seeds) for name, seeds in models.items()} == {
        "scratch-tiny": 2,
        "tfidf-svm": 2,
    }
    of_60 = trained_on_n(runs, 60)
    assert {name: len(seeds) for name, seeds in of_60.items()} == {
        "scratch-tiny": 2,
        "tfidf-svm": 2,
    }
    svm = [*models["tfidf-svm"], *of_60["tfidf-svm"]]
    assert {run.name for run in by_model([runs])["tfidf-svm"]} == {run.name for run in svm}


def test_model_and_accuracy_tables(models):
    table = model_table(models)
    assert table["error"].is_monotonic_increasing
    accuracies = [seed.metrics["accuracy"].value for seed in models["tfidf-svm"]]
    assert table.loc["tfidf-svm", "error"] == pytest.approx(1 - np.mean(accuracies))
    costs = ["trained_parameters", "train_seconds", "inference_seconds_per_1000", "seeds"]
    assert (table[costs] > 0).all(axis=None)
    assert list(accuracy_table(models).index) == list(table.index[::-1])


def test_learning_curves(runs):
    curves = learning_curve_table(runs)
    assert curves.groupby("model")["n_train"].nunique().tolist() == [2, 2]
    assert set(map(len, curves["accuracy_by_seed"])) == {2}


def test_models_that_were_left_out_are_missing_in_tables(runs, models):
    assert error_rate_ratios({"scratch-tiny": models["scratch-tiny"]}, "tfidf-svm") == {}
    assert "train_seconds" in model_table({})
    assert learning_curve_table({}).empty
    assert learning_curve_table(models)["n_train"].nunique() == 1


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
