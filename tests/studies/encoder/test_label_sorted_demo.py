import numpy as np
import pandas as pd
import pytest

from tests.studies.encoder.test_classifier import encoder
from tests.training.planted_documents import planted
from wholescript.data.labelled import load_source
from wholescript.errors import DataError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.experiment import run
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.project import Project
from wholescript.studies.encoder.label_sorted_demo import LabelSortedDemo, in_published_order


@pytest.fixture
def workspace(tmp_path):
    return Workspace(Project(tmp_path), RunStore(tmp_path / "runs"))


@pytest.fixture
def sorted_files(tmp_path):
    """Train and test of two classes, each file sorted by label."""
    for name, seed in (("train", 0), ("test", 1)):
        documents = planted(200, seed=seed, words=7)
        frame = pd.DataFrame({"text": documents.texts, "label": documents.labels})
        frame = frame[frame["label"] < 2].drop_duplicates("text").sort_values("label")
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def test_first_rows_of_sorted_files_give_perfect_accuracy(sorted_files, workspace):
    texts = in_published_order(load_source("mine", sorted_files))
    assert texts.is_label_sorted
    demo = LabelSortedDemo(encoder(), 40, 20)
    result = run(demo, texts, workspace)
    assert result.name == "mine/encoder-label-sorted-s0"
    metrics = {name: metric.value for name, metric in result.metrics.items()}
    assert metrics["accuracy_first_rows"] == 1.0
    assert metrics["n_classes_first_rows_train"] == metrics["n_classes_first_rows_test"] == 1
    assert metrics["n_predicted_classes"] == 1
    labels = result.predictions(DocumentPredictions).labels
    assert metrics["accuracy"] == pytest.approx(np.mean(labels == 0), abs=1e-6)
    assert "sorted by label" in result.config["guard_error"]
    assert run(demo, texts, workspace).key == result.key


def test_shuffled_files_pass_the_guard(sorted_files, workspace):
    for name in ("train", "test"):
        path = sorted_files / f"{name}.csv"
        pd.read_csv(path).sample(frac=1, random_state=0).to_csv(path, index=False)
    texts = in_published_order(load_source("mine", sorted_files))
    assert not texts.is_label_sorted
    result = run(LabelSortedDemo(encoder(), 60, 40), texts, workspace)
    assert result.config["guard_error"] == ""
    assert result.metrics["n_classes_first_rows_test"].value == 2


def test_splits_that_begin_with_different_classes_are_not_sorted_alike(sorted_files):
    path = sorted_files / "test.csv"
    pd.read_csv(path).sort_values("label", ascending=False).to_csv(path, index=False)
    assert not in_published_order(load_source("mine", sorted_files)).is_label_sorted
    path.unlink()
    with pytest.raises(DataError, match="no test split"):
        in_published_order(load_source("mine", sorted_files))
