import numpy as np
import pandas as pd
import pytest

from tests.training.planted_documents import planted
from wholescript.data.labelled import load_source, prepare, read_labelled_dataset
from wholescript.errors import DataError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.cross_validation import DocumentCrossValidation
from wholescript.experiments.experiment import run
from wholescript.models.documents.bag_of_words import NaiveBayes

fits = list()


class Recorder(NaiveBayes):
    """Records the texts that it is fitted and validated on, and predicts."""

    def fit(self, texts, labels, val_texts, val_labels, *, seed):
        fits.append((set(texts), set(val_texts), set()))
        return super().fit(texts, labels, val_texts, val_labels, seed=seed)

    def predict_proba(self, texts):
        fits[-1][2].update(texts)
        return super().predict_proba(texts)


def execute(dataset, workspace, **options):
    fits.clear()
    experiment = DocumentCrossValidation(Recorder(), **options)
    return run(experiment, dataset, workspace, progress=False)


def test_each_document_is_predicted_once_by_a_model_that_has_not_seen_it(workspace, dataset):
    made = execute(dataset, workspace, n_folds=4)
    assert made.name == "questions/naive-bayes-cv4-s0"
    texts = {t for name in ("train", "validation") for t in dataset.splits[name].texts}
    assert [len(seen & held_out) for seen, _, held_out in fits] == [0] * 4
    assert [len(seen & val) for seen, val, _ in fits] == [0] * 4
    assert set.union(*(held_out for *_, held_out in fits)) == texts
    assert sum(len(held_out) for *_, held_out in fits) == len(texts)
    predictions = made.predictions(DocumentPredictions)
    labels = np.concatenate([dataset.splits[n].labels for n in ("train", "validation")])
    np.testing.assert_array_equal(predictions.labels, labels)
    accuracy = (predictions.predicted == labels).mean()
    assert made.metrics["accuracy"].value == pytest.approx(accuracy)
    shares = made.history["n_documents"] / len(texts)
    assert np.average(made.history["accuracy"], weights=shares) == pytest.approx(accuracy)
    assert accuracy > 0.9
    everything = execute(dataset, workspace, n_folds=2, include_test=True)
    assert everything.config["documents"] == len(texts) + len(dataset.splits["test"])


def test_an_interrupted_run_reads_its_finished_folds(workspace, dataset, monkeypatch):
    first = execute(dataset, workspace, n_folds=3)
    folder = workspace.checkpoints(first.key)
    (folder / "fold-2.npy").unlink()
    fits.clear()
    experiment = DocumentCrossValidation(Recorder(), 3)
    again = run(experiment, dataset, workspace, progress=False, again=True)
    assert len(fits) == 1 and again.metrics == first.metrics


@pytest.fixture
def prepare_table(tmp_path):
    def make(frame, **options):
        frame.to_csv(tmp_path / "own.csv", index=False)
        source = load_source(str(tmp_path / "own.csv"))
        prepare(source, tmp_path / "own", progress=False, **options)
        return read_labelled_dataset(tmp_path / "own")

    return make


def test_near_duplicates_stay_in_one_fold(workspace, prepare_table):
    texts = sorted(set(planted(200, words=12).texts))[:90]
    labels = np.arange(90) % 3
    frame = pd.DataFrame({"text": texts, "label": labels})
    execute(prepare_table(pd.concat([frame, frame.assign(text=frame["text"] + "!!")])), workspace)
    for seen, val, held_out in fits:
        assert not {t.rstrip("!") for t in seen | val} & {t.rstrip("!") for t in held_out}


def test_copies_with_another_label_and_blocks_stay_in_one_fold(workspace, prepare_table):
    texts = sorted(set(planted(200, words=7).texts))[:120]
    labels = np.arange(120) % 3
    copies = pd.DataFrame({"text": texts[:40], "label": (labels[:40] + 1) % 3})
    frame = pd.concat([pd.DataFrame({"text": texts, "label": labels}), copies])
    execute(prepare_table(frame), workspace, n_folds=3)
    assert [len((seen | val) & held_out) for seen, val, held_out in fits] == [0] * 3

    frame = pd.DataFrame({"text": texts, "label": labels})
    execute(prepare_table(frame, holdout_block_size=6), workspace, n_folds=3, name="blocks")
    block_of = {text: row // 6 for row, text in enumerate(texts)}
    for seen, val, held_out in fits:
        assert not {block_of[t] for t in seen | val} & {block_of[t] for t in held_out}


def test_a_class_that_is_too_rare_is_named(workspace, prepare_table):
    texts = sorted(set(planted(200, words=7).texts))[:100]
    frame = pd.DataFrame({"text": texts, "label": ["a"] * 48 + ["b"] * 48 + ["rare"] * 4})
    dataset = prepare_table(frame, test_share=0.25, validation_share=0.3)
    with pytest.raises(DataError, match="fewer than 2 documents to train on of the classes rare"):
        execute(dataset, workspace, n_folds=2)
