from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.experiments.documents.questions import prepare_questions
from wholescript.data.labelled import Split
from wholescript.errors import DataError, ParameterError
from wholescript.experiments.experiment import run
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.tfidf_svm import TfidfSVM
from wholescript.project import Project
from wholescript.studies.classifiers.label_errors import LabelErrors, label_error_run, load_ranking


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return prepare_questions(tmp_path_factory.mktemp("own"))


@pytest.fixture
def workspace(tmp_path):
    return Workspace(Project(tmp_path), RunStore(tmp_path / "runs"))


def test_known_label_errors_are_found_and_removing_them_helps(workspace, dataset):
    result = run(LabelErrors(TfidfSVM, "crowd"), dataset, workspace)
    assert result.name == "questions/crowd-errors-tfidf-svm"
    train = dataset.splits["train"]
    wrong = train.extra_columns["crowd"] != train.labels
    metrics = {name: metric.value for name, metric in result.metrics.items()}
    assert metrics["label_error_rate"] == pytest.approx(wrong.mean(), abs=1e-6)
    assert metrics["average_precision"] > 0.8 > 5 * metrics["label_error_rate"]
    assert wrong[load_ranking(workspace, result)["row"].head(10)].all()
    assert metrics["test_accuracy_without_flagged"] >= metrics["test_accuracy_all"]
    assert result.history["recall"].between(0, 1).all()


def test_flagged_class_pairs_are_counted(workspace, dataset):
    result = run(LabelErrors(TfidfSVM), dataset, workspace)
    assert result.name == "questions/label-errors-tfidf-svm"
    pairs, n_flagged = result.history, result.metrics["n_flagged"].value
    counted = 0 if pairs.empty else pairs["n_documents"].sum()
    assert counted == n_flagged <= 0.1 * len(load_ranking(workspace, result))


def test_a_run_that_flags_no_label_has_no_table(capsys):
    found = SimpleNamespace(history=pd.DataFrame(), metrics={"n_documents": Metric(1086)})
    data = SimpleNamespace(splits={"train": Split([], [], np.array([]), {})})
    study = SimpleNamespace(datasets={"own": data}, run=lambda *_: found)
    assert label_error_run(study) is None
    assert "no label of the 1,086 training texts was flagged" in capsys.readouterr().out


def test_an_unknown_label_column_is_an_error(workspace, dataset):
    with pytest.raises(ParameterError, match="label_column='votes'"):
        run(LabelErrors(TfidfSVM, "votes"), dataset, workspace)


def test_a_class_with_fewer_documents_than_folds_is_an_error(workspace, dataset):
    train = dataset.splits["train"]
    few = np.append(np.flatnonzero(train.labels != 0), np.flatnonzero(train.labels == 0)[:3])
    ids, texts = ([part[row] for row in few] for part in (train.ids, train.texts))
    smaller = replace(
        dataset, splits={**dataset.splits, "train": Split(ids, texts, train.labels[few], {})}
    )
    with pytest.raises(DataError, match="a class has 3 training documents: 5 folds need 5"):
        run(LabelErrors(TfidfSVM), smaller, workspace)
