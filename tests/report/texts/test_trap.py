import numpy as np
import pandas as pd
import pytest

from tests.training.planted_texts import planted
from tests.training.test_encoder import encoder
from wholescript.data.labelled import load_source
from wholescript.experiments.store import RunStore
from wholescript.project import Project
from wholescript.studies.encoder.label_sorted_demo import train_on_first_rows


@pytest.fixture
def sorted_files(tmp_path):
    """Train and test of two classes, each file sorted by label."""
    for name, seed in (("train", 0), ("test", 1)):
        texts = planted(200, seed=seed, words=7)
        frame = pd.DataFrame({"text": texts.texts, "label": texts.labels})
        frame = frame[frame["label"] < 2].drop_duplicates("text").sort_values("label")
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def test_the_trap(sorted_files, tmp_path):
    store, source = RunStore(tmp_path / "runs"), load_source("mine", sorted_files)
    options = {"rows": 40, "tested": 20, "project": Project(tmp_path)}
    run = train_on_first_rows(store, source, encoder(), **options)
    found = {name: metric.value for name, metric in run.metrics.items()}
    assert found["head_accuracy"] == 1.0
    assert found["head_classes_train"] == found["head_classes_test"] == 1
    assert found["classes_said"] == 1
    labels = run.document_predictions.labels
    assert found["accuracy"] == pytest.approx(np.mean(labels == 0), abs=1e-6)
    assert "sorted by label" in run.config["refusal"]
    assert train_on_first_rows(store, source, encoder(), **options).key == run.key


def test_a_fair_head_is_no_trap(sorted_files, tmp_path):
    for name in ("train", "test"):
        path = sorted_files / f"{name}.csv"
        pd.read_csv(path).sample(frac=1, random_state=0).to_csv(path, index=False)
    run = train_on_first_rows(
        RunStore(tmp_path / "runs"),
        load_source("mine", sorted_files),
        encoder(),
        rows=60,
        tested=40,
        project=Project(tmp_path),
    )
    assert run.config["refusal"] == ""
    assert run.metrics["head_classes_test"].value == 2
