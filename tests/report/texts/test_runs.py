from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.training.planted_texts import CLASSES, planted
from wholescript.cli import app
from wholescript.data.labelled import Split, find_source, prepare, read_textset
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.experiments.documents.data_config import Training
from wholescript.experiments.documents.runs import find_text_runs, mean_costs, seedless
from wholescript.experiments.documents.tables import (
    accuracies,
    by_set,
    crossings,
    learning_table,
    model_table,
    noise_table,
    on_all,
    own_text_runs,
    rate_table,
    validation_gaps,
)
from wholescript.experiments.documents.train import train_text_run
from wholescript.experiments.progress import training_folder
from wholescript.experiments.store import RunStore
from wholescript.models.documents.linear import TfidfSVM
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.comparison.classifiers import (
    convergence,
    cost_table,
    differences,
    score_rows,
)
from wholescript.studies.classifiers.label_errors import find_wrong_labels
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.training.loop import TrainingSettings

NAMES = np.array(["sea", "music", "mountain"])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A CSV of a user's own: texts of three classes.

    Most of one are labelled wrong in `sloppy`, some of each in `crowd`.
    """
    texts = planted(300, words=7)
    frame = pd.DataFrame({"utterance": texts.texts, "topic": NAMES[texts.labels]})
    frame["sloppy"] = frame["topic"].where(
        np.arange(300) % 5 == 0, frame["topic"].replace("music", "sea")
    )
    crowd = (texts.labels + (np.arange(300) % 8 == 0)) % CLASSES
    frame["crowd"] = NAMES[crowd]
    path = tmp_path_factory.mktemp("own") / "questions.csv"
    frame.drop_duplicates("utterance").to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def textset(table):
    folder = table.parent / "prepared"
    prepare(find_source(str(table)), folder, keep=("sloppy", "crowd"), progress=False)
    return read_textset(folder)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def small(epochs=6, **changed):
    training = TrainingSettings(
        epochs=epochs, learning_rate=1e-2, monitor="held_out_macro_f1", chunk_dropout=0.0
    )
    options = {"size": "tiny", "vocabulary": 400, "bfloat16": False, "training": training}
    return ScratchClassifier(**(options | changed))


def test_a_run_stores_scores_cost_curves_and_predictions(store, textset, project):
    run = train_text_run(store, textset, small(), Training(seed=2), project=project)
    assert run.name == "questions/scratch-tiny-s2"
    assert run.metrics["accuracy"].value > 0.8
    assert run.metrics["accuracy"].low < run.metrics["accuracy"].value
    costs = ("train_seconds", "inference_seconds_per_1000", "peak_memory_gb", "parameters")
    assert all(run.metrics[name].value > 0 for name in costs)
    assert len(run.history) == 6 and (run.history["seconds"] > 0).all()
    predictions = run.class_predictions
    assert predictions.classes == sorted(NAMES)
    found = (predictions.predicted == predictions.labels).mean()
    assert found == pytest.approx(run.metrics["accuracy"].value)
    folder = training_folder(project, run.key)
    assert not list(folder.glob("checkpoint*"))
    again = small().load(folder, CLASSES).predict_proba(textset.splits["test"].texts)
    np.testing.assert_array_equal(again.argmax(1), predictions.predicted)


def test_a_finished_run_is_found_and_other_inputs_are_another(store, textset, project):
    first = train_text_run(store, textset, TfidfSVM(), Training(), project=project)
    made = (first.path / "config.json").stat().st_mtime_ns
    again = train_text_run(store, textset, TfidfSVM(), Training(), project=project)
    assert again.key == first.key
    assert (first.path / "config.json").stat().st_mtime_ns == made
    fewer = train_text_run(store, textset, TfidfSVM(), Training(examples=30), project=project)
    assert fewer.name == "questions/tfidf-svm-n30-s0"
    assert fewer.key != first.key
    assert fewer.config["texts"]["train"] == 30


def test_fewer_texts_are_scored_each_class_with_its_share(store, textset, project):
    runs = [
        train_text_run(store, textset, TfidfSVM(), Training(seed, tested=9), project=project)
        for seed in (0, 1)
    ]
    assert runs[0].config["texts"]["test"] == runs[0].config["texts"]["validation"] == 9
    whole = textset.splits["test"]
    for said, split in ((runs[0].class_predictions, "test"), (runs[0].on_validation, "validation")):
        rows = [int(row) for row in said.ids]
        np.testing.assert_array_equal(textset.splits[split].labels[rows], said.labels)
        shares = np.bincount(textset.splits[split].labels) / len(textset.splits[split])
        np.testing.assert_allclose(np.bincount(said.labels) / 9, shares, atol=1 / 9)
    assert runs[0].class_predictions.ids == runs[1].class_predictions.ids
    all_of_them = train_text_run(
        store, textset, TfidfSVM(), Training(tested=10_000), project=project, name="all"
    )
    assert len(all_of_them.class_predictions.ids) == len(whole)
    with pytest.raises(ParameterError, match="tested=2: test a text of each class"):
        train_text_run(store, textset, TfidfSVM(), Training(tested=2), project=project)


def test_no_more_training_texts_are_scored_either(store, textset, project, monkeypatch):
    asked = list[int]()
    score = TfidfSVM.predict_proba

    def counted(self, texts):
        asked.append(len(texts))
        return score(self, texts)

    monkeypatch.setattr(TfidfSVM, "predict_proba", counted)
    train_text_run(store, textset, TfidfSVM(), Training(2, tested=9), project=project)
    assert max(asked) == 9


def test_other_labels_are_learned_and_the_right_ones_scored(store, textset, project):
    right = train_text_run(store, textset, TfidfSVM(), Training(), project=project)
    sloppy = train_text_run(store, textset, TfidfSVM(), Training(labels="sloppy"), project=project)
    assert sloppy.name == "questions/tfidf-svm-sloppy-s0"
    np.testing.assert_array_equal(sloppy.class_predictions.labels, right.class_predictions.labels)
    assert sloppy.metrics["accuracy"].value < right.metrics["accuracy"].value - 0.1


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (Training(examples=2), "examples=2: there are .* of 3 classes"),
        (Training(examples=9_999), "examples=9999"),
        (Training(labels="slopy"), "'slopy' is no kept column; there are: sloppy"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(store, textset, project, training, message):
    with pytest.raises(ParameterError, match=message):
        train_text_run(store, textset, TfidfSVM(), training, project=project)
    assert not store.names()


def test_a_killed_run_goes_on(store, textset, project):
    class Killed(BaseException):
        pass

    def kill(row):
        if row["epoch"] == 3:
            raise Killed

    with pytest.raises(Killed):
        train_text_run(store, textset, small(), Training(), project=project, on_epoch=kill)
    seen = []
    resumed = train_text_run(
        store, textset, small(), Training(), project=project, on_epoch=seen.append
    )
    assert [row["epoch"] for row in seen] == [4, 5, 6]
    whole = train_text_run(
        RunStore(store.root / "whole"), textset, small(), Training(), project=Project(store.root)
    )
    columns = [name for name in whole.history.columns if name != "seconds"]
    pd.testing.assert_frame_equal(resumed.history[columns], whole.history[columns])
    assert resumed.metrics["accuracy"] == whole.metrics["accuracy"]
    assert resumed.metrics["train_seconds"].value > 0
    assert "peak_memory_gb" in whole.metrics and "peak_memory_gb" not in resumed.metrics


@pytest.fixture
def trained(store, textset, project):
    for seed in (0, 1):
        train_text_run(store, textset, small(2), Training(seed), project=project)
        train_text_run(store, textset, TfidfSVM(), Training(seed), project=project)
    return find_text_runs(store, ["questions/tfidf-svm", "questions/scratch-tiny"])


def test_runs_are_found_by_model_and_by_seed(store, trained):
    assert {name: len(runs) for name, runs in trained.items()} == {
        "questions/tfidf-svm": 2,
        "questions/scratch-tiny": 2,
    }
    (runs,) = find_text_runs(store, ["questions/tfidf-svm-s1"]).values()
    assert [run.name for run in runs] == ["questions/tfidf-svm-s1"]
    assert seedless("a/b-n50-s12") == "a/b-n50" and seedless("a/tfidf-svm") == "a/tfidf-svm"
    with pytest.raises(RunError, match="no run is called 'questions/svm'; there are: questions/s"):
        find_text_runs(store, ["questions/svm"])


def test_costs_are_means_and_memory_is_the_highest(trained):
    seeds = trained["questions/tfidf-svm"]
    found = mean_costs(seeds)
    for name, join in (("train_seconds", np.mean), ("peak_memory_gb", np.max)):
        assert found[name] == pytest.approx(join([run.metrics[name].value for run in seeds]))
    assert "accuracy" not in found, "it has an interval of its own"


def test_tables_set_runs_side_by_side(trained):
    scores = score_rows(trained)
    assert {"accuracy", "macro_f1", "weighted_f1", "ece"} <= set(scores.index.levels[1])
    costs = cost_table(trained)
    assert costs.loc["questions/tfidf-svm", "seeds"] == 2
    assert costs["parameters"].notna().all()
    assert np.isnan(costs.loc["questions/tfidf-svm", "seconds_per_epoch"])
    assert 1 <= convergence(trained)["questions/scratch-tiny"] <= 2
    table = differences(trained, "questions/tfidf-svm")
    assert set(table["run"]) == {"questions/scratch-tiny"}
    with pytest.raises(ParameterError, match="'questions/other' must be one of several runs"):
        differences(trained, "questions/other")


def test_wrong_labels_are_found_and_do_less_harm_when_left_out(store, textset, project):
    found = find_wrong_labels(store, textset, TfidfSVM, labels="crowd", project=project)
    assert found.run.name == "questions/crowds-tfidf-svm"
    train = textset.splits["train"]
    wrong = train.extra["crowd"] != train.labels
    metrics = {name: metric.value for name, metric in found.run.metrics.items()}
    assert metrics["wrong_share"] == pytest.approx(wrong.mean(), abs=1e-6)
    assert metrics["average_precision"] > 0.8 > 5 * metrics["wrong_share"]
    assert wrong[found.ranking["row"].head(10)].all()
    assert metrics["test_accuracy_without_flagged"] >= metrics["test_accuracy_of_all"]
    assert found.run.history["recall"].between(0, 1).all()


def test_disputed_pairs_are_counted(store, textset, project):
    found = find_wrong_labels(store, textset, TfidfSVM, project=project)
    assert found.run.name == "questions/labels-tfidf-svm"
    pairs, flagged = found.run.history, found.run.metrics["flagged"].value
    assert (0 if pairs.empty else pairs["texts"].sum()) == flagged <= 0.1 * len(found.ranking)
    with pytest.raises(ParameterError, match="labels='votes' is no kept column"):
        find_wrong_labels(store, textset, TfidfSVM, labels="votes", project=project)


def test_a_class_of_few_texts_cannot_be_judged_out_of_fold(store, textset, project):
    train = textset.splits["train"]
    few = np.append(np.flatnonzero(train.labels != 0), np.flatnonzero(train.labels == 0)[:3])
    ids, texts = ([part[row] for row in few] for part in (train.ids, train.texts))
    cut = Split(ids, texts, train.labels[few], {})
    thin = replace(textset, splits={**textset.splits, "train": cut})
    with pytest.raises(DataError, match="a class has 3 training texts: 5 folds need 5 of each"):
        find_wrong_labels(store, thin, TfidfSVM, project=project)


@pytest.fixture(scope="module")
def studied(textset, tmp_path_factory):
    """Runs of a study: all texts, fewer, labels of a crowd, another learning rate."""
    project = Project(tmp_path_factory.mktemp("study"))
    store = RunStore(project.root / "runs")
    plans = [Training(0), Training(1), Training(0, 60), Training(1, 60), Training(0, None, "crowd")]
    for plan in plans:
        train_text_run(store, textset, TfidfSVM(), plan, project=project)
        train_text_run(store, textset, small(2), plan, project=project)
    faster = small(2)
    faster.training = replace(faster.training, learning_rate=0.02)
    train_text_run(store, textset, faster, Training(0), name="scratch-tiny-lr2e-2", project=project)
    return own_text_runs(store.root)


def test_a_study_takes_its_runs_apart(studied):
    models = by_set(on_all(studied))["questions"]
    assert {name: len(seeds) for name, seeds in models.items()} == {
        "scratch-tiny": 2,
        "tfidf-svm": 2,
    }
    (folder,) = {seeds[0].path.parents[1] for seeds in studied.values()}
    assert own_text_runs("") == {} == own_text_runs(folder, "answers")
    with pytest.raises(ParameterError, match="'nowhere' is no folder of runs"):
        own_text_runs("nowhere")


def test_a_study_tells_scores_cost_and_size(studied):
    models = by_set(on_all(studied))["questions"]
    table = model_table(models)
    assert table["error"].is_monotonic_increasing
    right = [run.metrics["accuracy"].value for run in models["tfidf-svm"]]
    assert table.loc["tfidf-svm", "error"] == pytest.approx(1 - np.mean(right))
    assert (table[["trained", "train_s", "s_per_1000", "seeds"]] > 0).all(axis=None)
    assert list(accuracies(models).index) == list(table.index[::-1])


def test_a_study_tells_how_much_validation_flatters(studied):
    models = by_set(on_all(studied))["questions"]
    gaps = validation_gaps(models)
    for name, row in gaps.iterrows():
        runs = models[name]
        means = [
            np.mean([(said.predicted == said.labels).mean() for said in part])
            for part in (
                [run.on_validation for run in runs],
                [run.class_predictions for run in runs],
            )
        ]
        assert row[["validation", "test"]].tolist() == pytest.approx(means)
        assert row["value"] == pytest.approx(means[0] - means[1])
        assert row["low"] <= row["value"] <= row["high"]


def test_a_study_follows_examples_rates_and_noise(studied):
    learned = learning_table(studied)
    assert learned.groupby("model")["examples"].nunique().tolist() == [2, 2]
    assert set(map(len, learned["seeds"])) == {2}
    row = crossings(learned, [("scratch-tiny", "tfidf-svm")]).loc["scratch-tiny / tfidf-svm"]
    assert row["ahead_then"] in ("scratch-tiny", "tfidf-svm", "neither")
    assert list(rate_table(studied, "scratch-tiny").index) == [0.01, 0.02]
    noise = noise_table(by_set(studied)["questions"], "crowd")
    assert list(noise.index) == ["scratch-tiny", "tfidf-svm"]
    made = noise.dropna()  # where true labels leave no error there is no ratio
    assert (made["low"] <= made["ratio"]).all() and (made["ratio"] <= made["high"]).all()
    assert (noise["noisy"] >= noise["true"]).all()


def test_three_commands_on_a_table_of_ones_own(table, tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    run = CliRunner()

    def invoke(*arguments, code=0):
        result = run.invoke(app, [*map(str, arguments)])
        assert result.exit_code == code, result.output
        return result.output + result.stderr

    assert "questions (3 classes)" in invoke("prepare", table)
    assert "questions/tfidf-svm-s0: accuracy" in invoke("train", "linear", "questions")
    output = invoke(
        *("train", "scratch", "questions", "--size", "tiny", "--epochs", 2, "--vocabulary", 300),
        *("--learning-rate", 0.01, "--seed", 0, "--seed", 1, "--float32"),
    )
    assert "questions/scratch-tiny-s1: accuracy" in output
    assert "epoch 2" in output
    output = invoke("compare", "questions/tfidf-svm", "questions/scratch-tiny")
    assert "differences from questions/tfidf-svm" in output
    page = tmp_path / "_build" / "comparison" / "texts.html"
    assert page.read_text().count("data:image/png") == 3
    assert (page.parent / "cost.csv").exists()
    output = invoke("evaluate", "questions/scratch-tiny")
    assert "most confused" in output and "macro_f1" in output
    assert "no run is called 'questions/svm'" in invoke("evaluate", "questions/svm", code=2)
    assert "size='huge' is none of tiny" in invoke(
        "train", "scratch", "questions", "--size", "huge", code=2
    )
    generative = ("train", "generative", "questions")
    prompted = ("--prompt", "A question about cats:", "--model", "tiny")
    assert "--model tiny has no --prompt: leave" in invoke(*generative, *prompted, code=2)
    counted = ("--reading", 2, "--epochs", 3)
    assert "--model ngram has no --epochs, --reading" in invoke(*generative, *counted, code=2)
    counted = ("--model", "ngram-mixed", "--vocabulary", 300)
    assert "--model ngram-mixed has no --vocabulary" in invoke(*generative, *counted, code=2)
    forked = ("--model", "smollm2", "--fork", 20, "--prompt", "a")
    assert "--fork 20 has no --prompt: leave it out" in invoke(*generative, *forked, code=2)
    forked = ("--model", "smollm2", "--one-window", "--blocks", 16)
    assert "--model smollm2 has no --one-window, --blocks" in invoke(*generative, *forked, code=2)
    small = ("--model", "tiny", "--batch-size", 0)
    assert "batch_size=0 at least 1" in invoke(*generative, *small, code=2)
    small = ("--model", "tiny", "--patience", 0)
    assert "--patience 0: wait one epoch" in invoke(*generative, *small, code=2)
    encoder = ("train", "encoder", "questions", "--as-published", "--token-dropout", 0.3)
    assert "has its own --token-dropout: leave it out" in invoke(*encoder, code=2)
    longer = ("train", "scratch", "questions", "--size", "tiny", "--max-length", 99)
    assert "max_length=256 there, 99 here" in invoke(*longer, code=2)
    output = invoke("labels", "questions", "--output", tmp_path / "suspects.csv")
    assert "accuracy_out_of_fold" in output
    suspicious = pd.read_csv(tmp_path / "suspects.csv")
    assert suspicious["margin"].is_monotonic_increasing and suspicious["text"].notna().all()
    assert "holds no prepared texts" in invoke("train", "linear", "answers", code=2)
