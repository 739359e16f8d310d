"""A small data set of a user's own: planted documents of three classes, as CSV and prepared."""

import numpy as np
import pandas as pd

from tests.training.planted_documents import CLASSES, planted
from wholescript.data.labelled import load_source, prepare, read_labelled_dataset
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import document_run_names, find_document_runs
from wholescript.experiments.documents.tables import by_model, n_train_of, trained_on_true_labels
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import run
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.tfidf_svm import TfidfSVM
from wholescript.project import Project
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.training.loop import TrainConfig

NAMES = np.array(["sea", "music", "mountain"])


def write_table(folder):
    """Write questions.csv; the label columns `sloppy` and `crowd` have label errors.

    Most documents of one class are mislabelled in `sloppy`, some of each class in `crowd`.
    """
    documents = planted(300, words=7)
    frame = pd.DataFrame({"utterance": documents.texts, "topic": NAMES[documents.labels]})
    frame["sloppy"] = frame["topic"].where(
        np.arange(300) % 5 == 0, frame["topic"].replace("music", "sea")
    )
    frame["crowd"] = NAMES[(documents.labels + (np.arange(300) % 8 == 0)) % CLASSES]
    path = folder / "questions.csv"
    frame.drop_duplicates("utterance").to_csv(path, index=False)
    return path


def prepare_questions(folder):
    """Write, prepare and read the data set."""
    source = load_source(str(write_table(folder)))
    prepare(source, folder / "prepared", keep_columns=("sloppy", "crowd"), progress=False)
    return read_labelled_dataset(folder / "prepared")


def tiny_classifier(epochs=6, **changed):
    """A transformer from scratch that trains in seconds."""
    config = TrainConfig(
        epochs=epochs, learning_rate=1e-2, monitor="val_macro_f1", chunk_dropout=0.0
    )
    options = {"size": "tiny", "vocab_size": 400, "bfloat16": False, "train_config": config}
    return ScratchClassifier(**(options | changed))


def two_models(*more):
    """Two classifiers on all documents and on 60, with two seeds; also with the configs `more`."""
    configs = [DataConfig(seed, n_train) for n_train in (None, 60) for seed in (0, 1)]
    return [
        DocumentExperiment(estimator, config)
        for config in (*configs, *more)
        for estimator in (TfidfSVM(), tiny_classifier(2))
    ]


def train_runs(dataset, root, experiments):
    """Run experiments, with the runs in a folder, and return these by model."""
    workspace = Workspace(Project(root), RunStore(root / "runs"))
    for experiment in experiments:
        run(experiment, dataset, workspace, progress=False)
    return stored_runs(workspace.store)


def stored_runs(store):
    """Return the runs of a store by model and data settings."""
    return find_document_runs(store, document_run_names(store))


def models_on_all(runs):
    """Return the runs on all documents with true labels and the default learning rate, by model."""
    kept = {
        name: of_model
        for name, of_model in runs.items()
        if trained_on_true_labels(of_model) and n_train_of(of_model) is None and "-lr" not in name
    }
    return by_model([kept])
