import numpy as np
import pandas as pd
import pytest

from tests.experiments.documents.questions import NAMES, tiny_classifier, write_table
from tests.training.planted_documents import CLASSES
from wholescript.data.labelled import load_source, prepare, read_labelled_dataset
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.evaluation.document_comparison import paired_difference
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import find_document_runs, predictions_by_seed
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import run
from wholescript.experiments.seeds import costs_over_seeds, strip_seed
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.tfidf_svm import TfidfSVM
from wholescript.project import Project


def train(workspace, dataset, estimator, *config, name=None, on_epoch_end=None, **options):
    experiment = DocumentExperiment(estimator, DataConfig(*config, **options), name)
    return run(experiment, dataset, workspace, progress=False, on_epoch_end=on_epoch_end)


def test_a_run_stores_metrics_costs_history_predictions_and_weights(workspace, dataset):
    result = train(workspace, dataset, tiny_classifier(), seed=2)
    assert result.name == "questions/scratch-tiny-s2"
    assert result.metrics["accuracy"].value > 0.8
    assert result.metrics["accuracy"].low < result.metrics["accuracy"].value
    costs = ("train_seconds", "inference_seconds_per_1000", "parameters")
    assert all(result.metrics[name].value > 0 for name in costs)
    # A tiny training may fit in pages that the process holds: tests/training/test_memory.py
    # measures the memory of a large one, in a process of its own.
    assert result.metrics["peak_memory_gb"].value >= 0
    assert "truncated_share" in result.metrics
    assert len(result.history) == 6 and (result.history["seconds"] > 0).all()
    predictions = result.predictions(DocumentPredictions)
    assert predictions.classes == sorted(NAMES)
    accuracy = (predictions.predicted == predictions.labels).mean()
    assert accuracy == pytest.approx(result.metrics["accuracy"].value)
    folder = workspace.checkpoints(result.key)
    assert not list(folder.glob("checkpoint*"))
    loaded = tiny_classifier().load(folder, CLASSES).predict_proba(dataset.splits["test"].texts)
    np.testing.assert_array_equal(loaded.argmax(1), predictions.predicted)


def test_a_finished_run_is_found_and_other_data_make_another(workspace, dataset):
    first = train(workspace, dataset, TfidfSVM())
    written = (first.root / "questions" / "runs.json").stat().st_mtime_ns
    assert train(workspace, dataset, TfidfSVM()).key == first.key
    assert (first.root / "questions" / "runs.json").stat().st_mtime_ns == written
    fewer = train(workspace, dataset, TfidfSVM(), n_train=30)
    assert fewer.name == "questions/tfidf-svm-n30-s0"
    assert fewer.key != first.key
    assert fewer.config["documents"]["train"] == 30


def test_max_eval_is_a_stratified_sample_that_is_the_same_for_all_seeds(workspace, dataset):
    runs = [train(workspace, dataset, TfidfSVM(), seed, max_eval=9) for seed in (0, 1)]
    assert runs[0].config["documents"]["test"] == runs[0].config["documents"]["validation"] == 9
    for predictions, split in (
        (runs[0].predictions(DocumentPredictions), "test"),
        (runs[0].val_predictions(DocumentPredictions), "validation"),
    ):
        rows = [int(row) for row in predictions.ids]
        np.testing.assert_array_equal(dataset.splits[split].labels[rows], predictions.labels)
        shares = np.bincount(dataset.splits[split].labels) / len(dataset.splits[split])
        np.testing.assert_allclose(np.bincount(predictions.labels) / 9, shares, atol=1 / 9)
    ids = [result.predictions(DocumentPredictions).ids for result in runs]
    assert ids[0] == ids[1]
    everything = train(workspace, dataset, TfidfSVM(), max_eval=10_000, name="all")
    assert len(everything.predictions(DocumentPredictions).ids) == len(dataset.splits["test"])


def test_max_eval_limits_training_documents_too(workspace, dataset, monkeypatch):
    sizes = list[int]()
    predict_proba = TfidfSVM.predict_proba

    def record(self, texts):
        sizes.append(len(texts))
        return predict_proba(self, texts)

    monkeypatch.setattr(TfidfSVM, "predict_proba", record)
    train(workspace, dataset, TfidfSVM(), 2, max_eval=9)
    assert max(sizes) == 9


def test_other_training_labels_are_evaluated_on_true_labels(workspace, dataset):
    true = train(workspace, dataset, TfidfSVM())
    sloppy = train(workspace, dataset, TfidfSVM(), label_column="sloppy")
    assert sloppy.name == "questions/tfidf-svm-sloppy-s0"
    labels = [result.predictions(DocumentPredictions).labels for result in (true, sloppy)]
    np.testing.assert_array_equal(*labels)
    assert sloppy.metrics["accuracy"].value < true.metrics["accuracy"].value - 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_train": 2}, "n_train=2 must be between 3"),
        ({"n_train": 9_999}, "n_train=9999"),
        ({"max_eval": 2}, "max_eval=2 must be at least 3"),
        ({"label_column": "slopy"}, "label_column='slopy' is not in .* has: sloppy"),
    ],
)
def test_invalid_data_settings_are_an_error(workspace, dataset, options, message):
    with pytest.raises(ParameterError, match=message):
        train(workspace, dataset, TfidfSVM(), **options)
    assert not workspace.store.names()


def test_a_killed_run_resumes(workspace, dataset):
    class Killed(BaseException):
        pass

    def kill(row):
        if row["epoch"] == 3:
            raise Killed

    with pytest.raises(Killed):
        train(workspace, dataset, tiny_classifier(), on_epoch_end=kill)
    rows = []
    resumed = train(workspace, dataset, tiny_classifier(), on_epoch_end=rows.append)
    assert [row["epoch"] for row in rows] == [4, 5, 6]
    root = workspace.store.root / "other"
    other = Workspace(Project(root), RunStore(root / "runs"))
    uninterrupted = train(other, dataset, tiny_classifier())
    columns = [name for name in uninterrupted.history.columns if name != "seconds"]
    pd.testing.assert_frame_equal(resumed.history[columns], uninterrupted.history[columns])
    assert resumed.metrics["accuracy"] == uninterrupted.metrics["accuracy"]
    assert resumed.metrics["train_seconds"].value > 0
    assert "peak_memory_gb" in uninterrupted.metrics and "peak_memory_gb" not in resumed.metrics


@pytest.fixture
def trained(workspace, dataset):
    for seed in (0, 1):
        train(workspace, dataset, TfidfSVM(), seed)
        train(workspace, dataset, tiny_classifier(2), seed)
    return find_document_runs(workspace.store, ["questions/tfidf-svm", "questions/scratch-tiny"])


def test_runs_are_found_by_model_and_by_seed(workspace, trained):
    assert {name: len(runs) for name, runs in trained.items()} == {
        "questions/tfidf-svm": 2,
        "questions/scratch-tiny": 2,
    }
    (runs,) = find_document_runs(workspace.store, ["questions/tfidf-svm-s1"]).values()
    assert [found.name for found in runs] == ["questions/tfidf-svm-s1"]
    assert strip_seed("a/b-n50-s12") == "a/b-n50" and strip_seed("a/tfidf-svm") == "a/tfidf-svm"
    with pytest.raises(RunError, match="no run is called 'questions/svm'; there are: questions/s"):
        find_document_runs(workspace.store, ["questions/svm"])


def test_costs_are_means_over_seeds_times_the_median_and_memory_the_maximum(trained):
    seeds = trained["questions/tfidf-svm"]
    costs = costs_over_seeds(seeds)
    for name, aggregate in (
        ("overfitting_gap", np.mean),
        ("train_seconds", np.median),
        ("peak_memory_gb", np.max),
    ):
        values = [seed.metrics[name].value for seed in seeds]
        assert costs[name] == pytest.approx(aggregate(values))
    assert "accuracy" not in costs, "metrics with an interval are no costs"


def test_runs_on_other_texts_are_not_paired_and_on_other_training_texts_are(
    workspace, dataset, tmp_path
):
    frame = pd.read_csv(write_table(tmp_path)).rename(columns={"utterance": "text"})
    models = {"whole": train(workspace, dataset, TfidfSVM())}
    for name, table, options in (
        ("other", frame.assign(text="now " + frame["text"]), {}),
        ("limited", frame, {"limit": 60}),
    ):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        source = load_source(str(tmp_path / f"{name}.csv"))
        prepare(source, tmp_path / name, label_column="topic", progress=False, **options)
        models[name] = train(workspace, read_labelled_dataset(tmp_path / name), TfidfSVM())
    predictions = {name: predictions_by_seed([result]) for name, result in models.items()}
    assert predictions["whole"][0].ids == predictions["other"][0].ids
    with pytest.raises(DataError, match="different texts"):
        paired_difference(predictions["whole"], predictions["other"], n_bootstrap=10)
    assert paired_difference(predictions["whole"], predictions["limited"], n_bootstrap=10).size
