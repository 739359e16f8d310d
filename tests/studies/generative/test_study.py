from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.training.planted_documents import planted_table
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments import workspace as workspaces
from wholescript.experiments.documents.attribution import TokenAttribution
from wholescript.experiments.documents.recipe import read_recipe
from wholescript.experiments.documents.study import open_study
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.files import ROOT
from wholescript.plots import documents as plots
from wholescript.plots.confusion import confusion
from wholescript.project import Project
from wholescript.studies.generative import RECIPE
from wholescript.studies.generative.synthetic_data import (
    STUDY_SAMPLING,
    generate_for_training,
    study_synthesis,
    synthesis_runs,
)
from wholescript.studies.generative.tables import (
    augmentation_table,
    display_name,
    display_names,
    example_text,
    per_class_table,
    published_accuracy,
    ratio_table,
    ratios_by_size,
)

PARAMETERS = {
    "source": "local",
    "path": "",
    "text_column": "",
    "label_column": "",
    "classes": "",
    "scale": "full",
    "seed": 0,
}
TINY = {"model": "class-lm", "size": "tiny", "vocab_size": 300, "bfloat16": False}
TINY |= {"epochs": 6, "learning_rate": 0.003, "name": "lm"}
OWN_RECIPE = {
    "datasets": {
        "sentiment": {"dataset": "imdb"},
        "blocked": {"dataset": "imdb", "holdout_block_size": 400},
    },
    "profiles": {"smoke": {"n_train": 90}, "cpu": {}, "full": {}},
    "sections": {
        "models": {
            "sentiment": [
                {"model": ["naive-bayes", "nb-svm", "ngram"], "n_train": 150},
                {"ensemble": ["nb-svm", "ngram-bayes"], "name": "both"},
                {"model": "tfidf-logistic", "name": "logistic", "smoke": {"n_train": [30, 60]}},
            ]
        },
        "synthetic": {
            "sentiment": [
                {**TINY, "n_train": 150},
                {
                    "model": ["naive-bayes", "ngram"],
                    "n_train": 150,
                    "n_synthetic": [4, 8],
                    "synthetic": ["absent", "lm"],
                },
            ]
        },
    },
}


@pytest.fixture
def activated(monkeypatch):
    def activate(project, **parameters):
        store = RunStore(project.root / "results")
        made = Workspace(project, store, parameters=PARAMETERS | parameters)
        monkeypatch.setattr(workspaces, "_active", made)
        return made

    return activate


def test_every_stored_run_is_asked_for_with_its_settings(activated):
    workspace = activated(Project(ROOT), source="stored")
    study = open_study(RECIPE, generate_for_training)
    models = study.models("models")["sentiment"]
    study.runs("learning_curve", "few", "synthetic")
    assert study.run(TokenAttribution(example_text(study)), models["ngram-bayes"][0])
    assert len(synthesis_runs(study)) == 3
    stored = {n for n in workspace.store.names() if n.partition("/")[0] in study.recipe.datasets}
    of_notebook_09 = {name for name in stored if name.startswith("sentiment/encoder")}
    assert stored - set(workspace.used) == of_notebook_09


def test_texts_are_generated_and_trained_on(activated, tmp_path):
    path = planted_table(tmp_path / "own.csv")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(OWN_RECIPE, sort_keys=False))
    activated(Project(tmp_path), path=str(path))
    study = open_study(tmp_path / "recipe.yaml", generate_for_training)
    runs = study.runs("models", "synthetic")[study.main.name]
    (synthesis,) = synthesis_runs(study)
    assert synthesis.name == "own/lm-n150-s0-synthetic"
    assert synthesis.settings["n_per_class"] == 8
    augmented = ("naive-bayes", "naive-bayes-synthetic4", "ngram-bayes-synthetic8")
    names = [name.replace("bayes", "bayes-n150") for name in augmented]
    added = [runs[name][0].config["documents"]["train"] for name in names]
    assert added == [150, 162, 174]
    table = augmentation_table(runs, 150)
    assert set(table["model"]) == {"naive-bayes", "ngram-bayes"}
    assert table["n_added"].tolist() == [0, 12, 24] * 2
    reason = study.left_out["own/both"]
    assert "runs of two classes" in reason and "both" not in "".join(runs)
    assert list(study.datasets) == ["sentiment"], "blocks of 400 texts leave no validation"


def test_without_a_generator_synthetic_runs_are_left_out(activated, tmp_path):
    recipe = {**OWN_RECIPE, "sections": {"synthetic": {"sentiment": [
        {"model": "naive-bayes", "n_train": 60, "n_synthetic": 2, "synthetic": ["absent"]}
    ]}}}  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    activated(Project(tmp_path), path=str(planted_table(tmp_path / "own.csv")))
    study = open_study(tmp_path / "recipe.yaml", generate_for_training)
    assert study.runs("synthetic") == {}
    assert "none of absent was trained" in study.left_out["own/naive-bayes"]


def test_a_profile_replaces_lists_and_bounds(tmp_path):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(OWN_RECIPE, sort_keys=False))
    recipe = read_recipe(tmp_path / "recipe.yaml")
    specs = recipe.specs("models", "sentiment", "smoke")
    assert [getattr(spec, "n_train", None) for spec in specs] == [90, 90, 90, None, 30, 60]


def test_short_texts_lower_the_minimum_length(activated, tmp_path):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(OWN_RECIPE, sort_keys=False))
    activated(Project(tmp_path), path=str(planted_table(tmp_path / "own.csv")))
    dataset = open_study(tmp_path / "recipe.yaml").main
    train = dataset.splits["train"]
    long = replace(train, texts=[f"{text} " * 9 for text in train.texts])
    longer = replace(dataset, splits=dataset.splits | {"train": long})
    generator = None
    assert study_synthesis(generator, dataset, 1).sampling.min_words == 7
    assert study_synthesis(generator, longer, 1).sampling == STUDY_SAMPLING


@pytest.mark.parametrize(
    ("table", "given", "message"),
    [
        ({"text": [f"text {n}" for n in range(60)], "label": ["a"] * 60}, {}, "of the class 'a'"),
        ({"text": ["one", "two", "three"], "label": ["a", "b", "a"]}, {}, "fewer than 2 texts"),
        ({"words": ["one"] * 9, "label": ["a", "b", "c"] * 3}, {}, "text column"),
        (
            {"text": [f"text {n}" for n in range(60)], "label": ["yes", "no"] * 30},
            {"classes": "yes, maybe"},
            "no class maybe",
        ),
    ],
)
def test_unusable_tables_are_an_error(activated, tmp_path, table, given, message):
    pd.DataFrame(table).to_csv(tmp_path / "own.csv", index=False)
    activated(Project(tmp_path), path=str(tmp_path / "own.csv"), **given)
    with pytest.raises(DataError, match=message):
        open_study(RECIPE)


def test_published_runs_have_no_choice_of_classes(activated):
    activated(Project(ROOT), source="stored", classes="negative")
    with pytest.raises(ParameterError, match="negative need source=bundled"):
        open_study(RECIPE)


def test_bundled_texts_are_of_the_intents_of_the_recipe(activated, tmp_path):
    (tmp_path / "data").symlink_to(ROOT / "data")
    activated(Project(tmp_path), source="bundled", scale="smoke")
    study = open_study(RECIPE)
    assert study.main.classes == sorted(study.recipe.bundled_classes["smoke"])
    assert list(study.datasets) == ["sentiment"]


def test_plots_of_many_classes():
    classes, rng = [f"class {c}" for c in range(5)], np.random.default_rng(0)
    labels = np.arange(100) % 5
    predicted = rng.integers(0, 5, 100)
    ids = [str(row) for row in range(100)]
    one = DocumentPredictions.from_predicted_labels(ids, classes, labels, predicted)
    assert len(confusion({"first": [one], "second": [one], "third": [one]}).axes) == 4
    epochs = pd.DataFrame(
        [
            {"model": "lm", "class": c, "epoch": e, "train_loss": 2.0, "val_loss": 2.0}
            for c in classes
            for e in (1, 2)
        ]
    )
    figure = plots.lm_training_curves(epochs)
    shown = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert shown == [f"lm\n{classes[0]}", *classes[1:]]


def test_many_classes_have_f1_only(activated, tmp_path):
    frame = pd.read_csv(planted_table(tmp_path / "own.csv"))
    frame["label"] += 3 * (np.arange(len(frame)) % 2)
    frame.to_csv(tmp_path / "own.csv", index=False)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(OWN_RECIPE, sort_keys=False))
    activated(Project(tmp_path), path=str(tmp_path / "own.csv"))
    runs = open_study(tmp_path / "recipe.yaml").models("models")["own"]
    assert per_class_table(runs).columns.tolist() == [f"f1 {c}" for c in range(6)]
    ratios = ratios_by_size(
        open_study(tmp_path / "recipe.yaml").runs("models")["own"], ["ngram-bayes"], "naive-bayes"
    )
    assert list(ratios) == [150]
    table = ratio_table(ratios[150])
    assert ratio_table({}).empty
    assert table.index.tolist() == [("Kneser-Ney n-grams + Bayes' rule", "naive Bayes")]


def test_display_names_say_the_number_of_texts():
    assert display_name("nb-svm") == "NB-SVM"
    assert display_name("nb-svm-n1000") == "NB-SVM, 1,000 texts"
    table = pd.DataFrame({"model": ["nb-svm"], "epoch": [1]})
    assert display_names(table)["model"].tolist() == ["NB-SVM"]


def test_the_published_interval_is_that_of_a_thousand_reviews():
    accuracy = published_accuracy()
    assert accuracy.low == pytest.approx(0.881, abs=1e-3)
    assert accuracy.high == pytest.approx(0.918, abs=1e-3)
