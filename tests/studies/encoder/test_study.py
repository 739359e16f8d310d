"""The runs that notebook 09 asks for: the published ones, or trained from a table of one's own."""

import pandas as pd
import pytest

from tests.experiments.documents.questions import NAMES
from tests.training.planted_documents import planted
from wholescript.errors import DataError
from wholescript.experiments.documents.study import open_study
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace, activate
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.studies.encoder import RECIPE, tables
from wholescript.studies.encoder.example import REVIEW, attribution_run
from wholescript.studies.encoder.label_sorted_demo import label_sorted_run
from wholescript.studies.encoder.plots import confusion_figure

PARAMETERS = {"path": "", "text_column": "", "label_column": "", "scale": "smoke", "seed": 0}


def begin(root, results, **parameters):
    workspace = Workspace(Project(root), RunStore(results), parameters=PARAMETERS | parameters)
    activate(workspace)
    return workspace


def table(tmp_path, n=300):
    """Write a shuffled table of planted documents of three classes."""
    documents = planted(n, words=7)
    frame = pd.DataFrame({"Body": documents.texts, "Category": NAMES[documents.labels]})
    path = tmp_path / "mails.csv"
    frame.drop_duplicates("Body").to_csv(path, index=False)
    return path


def test_every_stored_run_of_the_encoders_is_found() -> None:
    workspace = begin(ROOT, ROOT / "results", source="stored", scale="full")
    study = open_study(RECIPE)
    ((_, models),) = study.models("models").items()
    attribution = attribution_run(study, models["encoder"][0])
    assert attribution is not None and attribution.settings["text"] == REVIEW
    assert label_sorted_run(study).metrics["accuracy_first_rows"].value == 1
    stored = {name for name in workspace.store.names() if name.startswith("sentiment/encoder")}
    assert stored and stored <= set(workspace.used)
    assert study.left_out == {}
    constant = tables.accuracies(models).iloc[0]
    assert constant["value"] == constant["low"] == 0.5  # IMDB has as many texts of each class


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The study at smoke on a table of one's own, with its models."""
    folder = tmp_path_factory.mktemp("study")
    path = table(folder)
    begin(folder, folder / "runs", source="local", path=str(path), text_column="Body", seed=3)
    study = open_study(RECIPE)
    ((_, models),) = study.models("models").items()
    return folder, study, models


def test_every_family_is_trained_with_the_seed(trained) -> None:
    _, study, models = trained
    assert set(models) == {
        "naive-bayes", "tfidf-logistic", "nb-svm", "encoder-published", "encoder",
        "encoder-pretrained",
    }  # fmt: skip
    assert {run.config["seed"] for runs in models.values() for run in runs} == {3}
    assert study.left_out == {}
    assert "pretrain_seconds" in models["encoder-pretrained"][0].metrics
    assert list(tables.pretraining_table(models)["train_seconds"]) == [
        models[name][0].metrics["train_seconds"].value for name in ("encoder", "encoder-pretrained")
    ]


def test_text_of_ones_own_is_attributed(trained) -> None:
    folder, study, models = trained
    begin(folder, folder / "runs")
    attribution = attribution_run(study, models["encoder"][0])
    assert attribution is not None
    text = attribution.settings["text"]
    assert text in study.main.splits["test"].texts
    assert len(attribution.history) == len(text.split())


def test_table_that_is_not_sorted_is_sorted_for_the_demo(trained, capsys) -> None:
    folder, study, _ = trained
    parameters = {"source": "local", "path": str(folder / "mails.csv"), "text_column": "Body"}
    begin(folder, folder / "runs", **parameters)
    result = label_sorted_run(study)
    assert "mails: there is one file" in capsys.readouterr().out
    classes = tables.label_sorted_classes(result)["n_classes"]
    assert list(classes.iloc[:3]) == [1, 1, 3]
    assert "sorted by label" in result.config["guard_error"]
    test = study.main.splits["test"]
    assert result.config["documents"]["first_rows_test"] == (test.labels == 0).sum()


def test_many_classes_have_a_row_each_and_their_most_confused_pairs(trained, monkeypatch) -> None:
    _, _, models = trained
    few = tables.class_table(models)
    assert few.index[0] == "naive Bayes" and "f1 sea" in few
    monkeypatch.setattr(tables, "FEW_CLASSES", 2)
    monkeypatch.setattr("wholescript.studies.encoder.plots.FEW_CLASSES", 2)
    many = tables.class_table(models)
    assert set(many.index) == set(NAMES) and many.loc["sea", "naive Bayes"] == pytest.approx(
        few.loc["naive Bayes", "f1 sea"]
    )
    assert confusion_figure(models).axes[0].get_xlabel() == "errors, test texts"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda frame: frame.assign(Category="sea"), "of the class 'sea'"),
        (lambda frame: frame.head(3), "fewer than 2 texts"),
        (lambda frame: frame.drop(columns="Category"), "label column cannot be guessed.*Body"),
        (lambda frame: frame.rename(columns={"Body": "Mail"}), "no column 'Body'|Body"),
    ],
    ids=["one class", "three rows", "no label column", "no text column"],
)
def test_tables_that_cannot_be_used(tmp_path, change, problem) -> None:
    path = table(tmp_path)
    change(pd.read_csv(path)).to_csv(path, index=False)
    begin(tmp_path, tmp_path / "runs", source="local", path=str(path), text_column="Body")
    with pytest.raises(DataError, match=problem):
        open_study(RECIPE)
