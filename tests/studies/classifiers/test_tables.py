from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.experiments.documents.questions import (
    models_on_all,
    prepare_questions,
    tiny_classifier,
    train_runs,
    two_models,
)
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.tables import (
    by_model,
    learning_curve_table,
)
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.studies.classifiers.tables import (
    crossover_table,
    label_noise_table,
    learning_rate_table,
    with_display_names,
)
from wholescript.studies.generative.tables import validation_optimism


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two models on all documents and on fewer, on noisy labels, and with a learning rate."""
    dataset = prepare_questions(tmp_path_factory.mktemp("own"))
    faster = tiny_classifier(2)
    faster.train_config = replace(faster.train_config, learning_rate=0.02)
    experiments = [
        *two_models(DataConfig(0, None, "crowd")),
        DocumentExperiment(faster, name="scratch-tiny-lr2e-2"),
    ]
    return train_runs(dataset, tmp_path_factory.mktemp("study"), experiments)


def test_validation_optimism_is_validation_minus_test_accuracy(runs):
    models = models_on_all(runs)
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


def test_crossovers_stand_without_a_model_that_was_left_out(capsys):
    table = pd.DataFrame(
        [
            ("tfidf-svm", 50, [0.5]),
            ("tfidf-svm", 86, [0.7]),
            ("scratch-tiny", 50, [0.6]),
            ("scratch-tiny", 86, [0.6]),
            ("finetuned", 86, [0.6]),
            ("finetuned", 200, [0.6]),
        ],
        columns=["model", "n_train", "accuracy_by_seed"],
    )
    models = ("scratch-tiny", "sentence-linear", "finetuned")
    pairs = crossover_table(table, [(model, "tfidf-svm") for model in models])
    assert list(pairs["better_beyond"]) == ["tfidf-svm", "not compared", "not compared"]
    assert pairs["crossover_n_train"].notna().tolist() == [True, False, False]
    shown = with_display_names(pairs)
    assert shown.index[0] == "tiny transformer from scratch / TF-IDF + linear SVM"
    assert shown["better_beyond"].iloc[0] == "TF-IDF + linear SVM"
    missing, disjoint = capsys.readouterr().out.splitlines()
    assert missing.startswith("not compared: sentence-linear / tfidf-svm: sentence-linear was")
    assert disjoint.endswith("fewer than two numbers of training texts in common")


def test_crossover_learning_rates_and_label_noise(runs):
    pairs = crossover_table(learning_curve_table(runs), [("scratch-tiny", "tfidf-svm")])
    better = pairs.loc["scratch-tiny / tfidf-svm", "better_beyond"]
    assert better in ("scratch-tiny", "tfidf-svm", "neither")
    assert list(learning_rate_table(runs, "scratch-tiny").index) == [0.01, 0.02]
    noise = label_noise_table(by_model([runs]), "crowd")
    assert list(noise.index) == ["scratch-tiny", "tfidf-svm"]
    finite = noise.dropna()  # without errors on true labels there is no ratio
    assert (finite["low"] <= finite["error_ratio"]).all()
    assert (finite["error_ratio"] <= finite["high"]).all()
    assert (noise["error_noisy_labels"] >= noise["error_true_labels"]).all()
