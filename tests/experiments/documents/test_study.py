import numpy as np
import pandas as pd
import pytest

from wholescript.data.datasets import BUNDLED
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.experiments.documents.open_data import open_datasets
from wholescript.experiments.documents.recipe import PROFILES, read_recipe
from wholescript.experiments.documents.study import DocumentStudy, open_study
from wholescript.experiments.results import Results
from wholescript.experiments.store import RunStore
from wholescript.experiments.stored import StoredDataset
from wholescript.experiments.workspace import Workspace, activate
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.studies import classifiers

from .questions import write_table

RECIPE = """
datasets:
  banking77: {}
  ag_news: {keep_columns: [crowd]}
bundled_classes: {smoke: [card_arrival, pending_transfer]}
profiles: {smoke: {seeds: 1, n_train: 60}, cpu: {seeds: 1}, full: {}}
sections:
  models:
    banking77: [{model: [tfidf-svm, naive-bayes], seeds: 2}]
    ag_news: [{model: tfidf-svm}]
  curve:
    ag_news: [{model: tfidf-svm, n_train: [30, 90]}]
  noise:
    ag_news: [{model: tfidf-svm, label_column: crowd}]
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return read_recipe(tmp_path / "recipe.yaml")


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace(Project(tmp_path), RunStore(tmp_path / "results"))
    activate(workspace)
    return workspace


def study_of(recipe, workspace, path, profile="full", **options):
    data = open_datasets(workspace.project, recipe, source="local", path=str(path), **options)
    return DocumentStudy(recipe, data, profile, seed=5)


def test_table_of_ones_own_has_the_runs_of_the_first_data_set(recipe, workspace, tmp_path) -> None:
    study = study_of(recipe, workspace, write_table(tmp_path))
    runs = study.runs("models")
    assert {n: len(r) for n, r in runs["questions"].items()} == {"tfidf-svm": 2, "naive-bayes": 2}
    assert [run.config["seed"] for run in runs["questions"]["tfidf-svm"]] == [5, 6]
    assert set(study.runs("curve")["questions"]) == {"tfidf-svm-n30", "tfidf-svm-n90"}
    assert study.dataset_of("curve") == "questions"
    assert list(study.models("curve")["questions"]) == ["tfidf-svm"]
    assert set(study.runs("noise")["questions"]) == {"tfidf-svm-crowd"}  # it has this column
    # Found, not trained again.
    before = Results(workspace.store.root).names()
    assert study.runs("models")["questions"] == runs["questions"]
    assert Results(workspace.store.root).names() == before


def test_profile_limits_texts_and_seeds(recipe, workspace, tmp_path) -> None:
    study = study_of(recipe, workspace, write_table(tmp_path), "smoke")
    runs = study.runs("models")["questions"]
    assert {n: len(r) for n, r in runs.items()} == {"tfidf-svm-n60": 1, "naive-bayes-n60": 1}
    table = study.profile_table()
    assert list(table.index) == list(PROFILES)
    assert list(table["bundled classes"]) == [2, "all", "all"]


def test_run_for_which_a_class_is_too_rare_is_left_out_with_the_reason(
    recipe, workspace, tmp_path, capsys
) -> None:
    frame = pd.read_csv(write_table(tmp_path))
    sizes = {"sea": 90, "music": 90, "mountain": 9}
    rare = pd.concat([frame[frame.topic == name].head(n) for name, n in sizes.items()])
    rare.to_csv(tmp_path / "rare.csv", index=False)
    recipe.sections["curve"]["ag_news"][0] |= {"model": "linear-ensemble", "n_train": [2, 30]}
    study = study_of(recipe, workspace, tmp_path / "rare.csv")
    assert study.runs("curve") == {}  # two texts are fewer than classes, 30 have one of the rarest
    assert "left out: rare/linear-ensemble: a class has 1 training text" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"source": "bundled", "path": "x.csv"}, "source=bundled reads no path"),
        ({"source": "local"}, "source=local needs path=FILE"),
        ({"source": "local", "path": "absent.csv"}, "'absent.csv' does not exist"),
        ({"source": "files"}, "source='files' must be one of stored, bundled, local, hub"),
        ({"source": "stored", "scale": "cpu"}, "scale=cpu trains models"),
        ({"source": "bundled", "scale": "quick"}, "scale='quick' must be one of smoke, cpu, full"),
    ],
)
def test_contradictory_parameters(workspace, recipe, parameters, problem) -> None:
    workspace.parameters = {"path": "", "scale": "full", "seed": 0} | parameters
    with pytest.raises(ParameterError, match=problem):
        open_study(recipe.path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.assign(topic="sea"), "are of the class 'sea'"),
        (lambda t: t.head(3), "have fewer than 2 texts"),
        (lambda t: t.drop(columns="topic"), "label column cannot be guessed.*utterance"),
    ],
)
def test_tables_that_cannot_be_used(recipe, workspace, tmp_path, change, problem) -> None:
    frame = pd.read_csv(write_table(tmp_path))[["utterance", "topic"]]
    change(frame).to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(DataError, match=problem):
        study_of(recipe, workspace, tmp_path / "bad.csv")


def test_chosen_classes_and_columns_with_capitals(recipe, workspace, tmp_path) -> None:
    frame = pd.read_csv(write_table(tmp_path)).rename(
        columns={"utterance": "Body", "topic": "Category"}
    )[["Body", "Category"]]
    frame.to_csv(tmp_path / "mails.csv", index=False)
    data = study_of(
        recipe, workspace, tmp_path / "mails.csv", text_column="Body", classes=["sea", "music"]
    ).main
    assert data.classes == ["music", "sea"]
    assert set(np.concatenate([s.labels for s in data.splits.values()])) == {0, 1}
    with pytest.raises(DataError, match="no class see; did you mean 'sea'"):
        study_of(
            recipe, workspace, tmp_path / "mails.csv", text_column="Body", classes=["see", "music"]
        )


def test_bundled_texts_are_those_of_the_published_runs(recipe, workspace) -> None:
    stored = RunStore(ROOT / "results").find("banking77/tfidf-svm-s0")
    project = Project(workspace.project.root)
    (project.root / "data").symlink_to(ROOT / "data")
    [(name, data)] = open_datasets(project, recipe, source="bundled").items()
    assert name == BUNDLED[0] and stored is not None
    assert data.fingerprint == stored.data["fingerprint"]


def test_published_runs_are_found_by_name_and_settings(recipe, workspace, tmp_path) -> None:
    study = DocumentStudy(recipe, {"banking77": StoredDataset("banking77")}, "full", seed=5)
    with pytest.raises(RunError, match=r"no run banking77/tfidf-svm-s0.*source=local"):
        study.runs("models")
    (tmp_path / "results").symlink_to(ROOT / "results")
    recipe.sections["models"]["banking77"][0]["model"] = ["tfidf-svm"]
    found = study.runs("models")["banking77"]["tfidf-svm"]
    assert [run.config["seed"] for run in found] == [
        0,
        1,
    ]  # those that are stored, whatever the seed
    recipe.sections["models"]["banking77"][0] |= {"min_df": 7}
    with pytest.raises(RunError, match=r"estimator.min_df=1 there, 7 here"):
        study.runs("models")


def test_recipe_has_all_stored_runs_of_the_study() -> None:
    project = Project(ROOT)
    workspace = Workspace(project, RunStore(ROOT / "results"))
    activate(workspace)
    recipe = read_recipe(classifiers.RECIPE)
    study = DocumentStudy(recipe, open_datasets(project, recipe, source="stored"), "full", 0)
    for section in recipe.sections:
        assert study.runs(section)
    stored = {n for n in workspace.store.names() if n.partition("/")[0] in recipe.datasets}
    assert {name for name in stored - workspace.used.keys() if "label-errors" not in name} == set()
    assert study.left_out == {}
