from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.training.planted_texts import CLASSES, planted
from wholescript.cli import app
from wholescript.data.labelled import Split, load_source, prepare, read_labelled_dataset
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import find_document_runs, mean_costs, strip_seed
from wholescript.experiments.documents.tables import (
    accuracy_table,
    by_dataset,
    crossover_table,
    label_noise_table,
    learning_curve_table,
    learning_rate_table,
    local_document_runs,
    model_table,
    trained_on_all,
    validation_optimism,
)
from wholescript.experiments.documents.train import train_document_run
from wholescript.experiments.progress import checkpoint_dir
from wholescript.experiments.store import RunStore
from wholescript.models.documents.linear import TfidfSVM
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.comparison.classifiers import (
    cost_table,
    epochs_to_convergence,
    metrics_with_intervals,
    paired_differences,
)
from wholescript.studies.classifiers.label_errors import find_label_errors
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.training.loop import TrainConfig

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
def dataset(table):
    folder = table.parent / "prepared"
    prepare(load_source(str(table)), folder, keep=("sloppy", "crowd"), progress=False)
    return read_labelled_dataset(folder)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def small(epochs=6, **changed):
    training = TrainConfig(
        epochs=epochs, learning_rate=1e-2, monitor="held_out_macro_f1", chunk_dropout=0.0
    )
    options = {"size": "tiny", "vocabulary": 400, "bfloat16": False, "training": training}
    return ScratchClassifier(**(options | changed))


def test_a_run_stores_scores_cost_curves_and_predictions(store, dataset, project):
    run = train_document_run(store, dataset, small(), DataConfig(seed=2), project=project)
    assert run.name == "questions/scratch-tiny-s2"
    assert run.metrics["accuracy"].value > 0.8
    assert run.metrics["accuracy"].low < run.metrics["accuracy"].value
    costs = ("train_seconds", "inference_seconds_per_1000", "peak_memory_gb", "parameters")
    assert all(run.metrics[name].value > 0 for name in costs)
    assert len(run.history) == 6 and (run.history["seconds"] > 0).all()
    predictions = run.document_predictions
    assert predictions.classes == sorted(NAMES)
    found = (predictions.predicted == predictions.labels).mean()
    assert found == pytest.approx(run.metrics["accuracy"].value)
    folder = checkpoint_dir(project, run.key)
    assert not list(folder.glob("checkpoint*"))
    again = small().load(folder, CLASSES).predict_proba(dataset.splits["test"].texts)
    np.testing.assert_array_equal(again.argmax(1), predictions.predicted)


def test_a_finished_run_is_found_and_other_inputs_are_another(store, dataset, project):
    first = train_document_run(store, dataset, TfidfSVM(), DataConfig(), project=project)
    made = (first.path / "config.json").stat().st_mtime_ns
    again = train_document_run(store, dataset, TfidfSVM(), DataConfig(), project=project)
    assert again.key == first.key
    assert (first.path / "config.json").stat().st_mtime_ns == made
    fewer = train_document_run(store, dataset, TfidfSVM(), DataConfig(n_train=30), project=project)
    assert fewer.name == "questions/tfidf-svm-n30-s0"
    assert fewer.key != first.key
    assert fewer.config["texts"]["train"] == 30


def test_fewer_texts_are_scored_each_class_with_its_share(store, dataset, project):
    runs = [
        train_document_run(
            store, dataset, TfidfSVM(), DataConfig(seed, max_eval=9), project=project
        )
        for seed in (0, 1)
    ]
    assert runs[0].config["texts"]["test"] == runs[0].config["texts"]["validation"] == 9
    whole = dataset.splits["test"]
    for said, split in (
        (runs[0].document_predictions, "test"),
        (runs[0].val_predictions, "validation"),
    ):
        rows = [int(row) for row in said.ids]
        np.testing.assert_array_equal(dataset.splits[split].labels[rows], said.labels)
        shares = np.bincount(dataset.splits[split].labels) / len(dataset.splits[split])
        np.testing.assert_allclose(np.bincount(said.labels) / 9, shares, atol=1 / 9)
    assert runs[0].document_predictions.ids == runs[1].document_predictions.ids
    all_of_them = train_document_run(
        store, dataset, TfidfSVM(), DataConfig(max_eval=10_000), project=project, name="all"
    )
    assert len(all_of_them.document_predictions.ids) == len(whole)
    with pytest.raises(ParameterError, match="max_eval=2: test a text of each class"):
        train_document_run(store, dataset, TfidfSVM(), DataConfig(max_eval=2), project=project)


def test_no_more_training_texts_are_scored_either(store, dataset, project, monkeypatch):
    asked = list[int]()
    score = TfidfSVM.predict_proba

    def counted(self, texts):
        asked.append(len(texts))
        return score(self, texts)

    monkeypatch.setattr(TfidfSVM, "predict_proba", counted)
    train_document_run(store, dataset, TfidfSVM(), DataConfig(2, max_eval=9), project=project)
    assert max(asked) == 9


def test_other_labels_are_learned_and_the_right_ones_scored(store, dataset, project):
    right = train_document_run(store, dataset, TfidfSVM(), DataConfig(), project=project)
    sloppy = train_document_run(
        store, dataset, TfidfSVM(), DataConfig(labels="sloppy"), project=project
    )
    assert sloppy.name == "questions/tfidf-svm-sloppy-s0"
    np.testing.assert_array_equal(
        sloppy.document_predictions.labels, right.document_predictions.labels
    )
    assert sloppy.metrics["accuracy"].value < right.metrics["accuracy"].value - 0.1


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (DataConfig(n_train=2), "n_train=2: there are .* of 3 classes"),
        (DataConfig(n_train=9_999), "n_train=9999"),
        (DataConfig(labels="slopy"), "'slopy' is no kept column; there are: sloppy"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(store, dataset, project, training, message):
    with pytest.raises(ParameterError, match=message):
        train_document_run(store, dataset, TfidfSVM(), training, project=project)
    assert not store.names()


def test_a_killed_run_goes_on(store, dataset, project):
    class Killed(BaseException):
        pass

    def kill(row):
        if row["epoch"] == 3:
            raise Killed

    with pytest.raises(Killed):
        train_document_run(
            store, dataset, small(), DataConfig(), project=project, on_epoch_end=kill
        )
    seen = []
    resumed = train_document_run(
        store, dataset, small(), DataConfig(), project=project, on_epoch_end=seen.append
    )
    assert [row["epoch"] for row in seen] == [4, 5, 6]
    whole = train_document_run(
        RunStore(store.root / "whole"), dataset, small(), DataConfig(), project=Project(store.root)
    )
    columns = [name for name in whole.history.columns if name != "seconds"]
    pd.testing.assert_frame_equal(resumed.history[columns], whole.history[columns])
    assert resumed.metrics["accuracy"] == whole.metrics["accuracy"]
    assert resumed.metrics["train_seconds"].value > 0
    assert "peak_memory_gb" in whole.metrics and "peak_memory_gb" not in resumed.metrics


@pytest.fixture
def trained(store, dataset, project):
    for seed in (0, 1):
        train_document_run(store, dataset, small(2), DataConfig(seed), project=project)
        train_document_run(store, dataset, TfidfSVM(), DataConfig(seed), project=project)
    return find_document_runs(store, ["questions/tfidf-svm", "questions/scratch-tiny"])


def test_runs_are_found_by_model_and_by_seed(store, trained):
    assert {name: len(runs) for name, runs in trained.items()} == {
        "questions/tfidf-svm": 2,
        "questions/scratch-tiny": 2,
    }
    (runs,) = find_document_runs(store, ["questions/tfidf-svm-s1"]).values()
    assert [run.name for run in runs] == ["questions/tfidf-svm-s1"]
    assert strip_seed("a/b-n50-s12") == "a/b-n50" and strip_seed("a/tfidf-svm") == "a/tfidf-svm"
    with pytest.raises(RunError, match="no run is called 'questions/svm'; there are: questions/s"):
        find_document_runs(store, ["questions/svm"])


def test_costs_are_means_and_memory_is_the_highest(trained):
    seeds = trained["questions/tfidf-svm"]
    found = mean_costs(seeds)
    for name, join in (("train_seconds", np.mean), ("peak_memory_gb", np.max)):
        assert found[name] == pytest.approx(join([run.metrics[name].value for run in seeds]))
    assert "accuracy" not in found, "it has an interval of its own"


def test_tables_set_runs_side_by_side(trained):
    scores = metrics_with_intervals(trained)
    assert {"accuracy", "macro_f1", "weighted_f1", "ece"} <= set(scores.index.levels[1])
    costs = cost_table(trained)
    assert costs.loc["questions/tfidf-svm", "seeds"] == 2
    assert costs["parameters"].notna().all()
    assert np.isnan(costs.loc["questions/tfidf-svm", "seconds_per_epoch"])
    assert 1 <= epochs_to_convergence(trained)["questions/scratch-tiny"] <= 2
    table = paired_differences(trained, "questions/tfidf-svm")
    assert set(table["run"]) == {"questions/scratch-tiny"}
    with pytest.raises(ParameterError, match="'questions/other' must be one of several runs"):
        paired_differences(trained, "questions/other")


def test_wrong_labels_are_found_and_do_less_harm_when_left_out(store, dataset, project):
    found = find_label_errors(store, dataset, TfidfSVM, labels="crowd", project=project)
    assert found.run.name == "questions/crowds-tfidf-svm"
    train = dataset.splits["train"]
    wrong = train.extra_columns["crowd"] != train.labels
    metrics = {name: metric.value for name, metric in found.run.metrics.items()}
    assert metrics["wrong_share"] == pytest.approx(wrong.mean(), abs=1e-6)
    assert metrics["average_precision"] > 0.8 > 5 * metrics["wrong_share"]
    assert wrong[found.ranking["row"].head(10)].all()
    assert metrics["test_accuracy_without_flagged"] >= metrics["test_accuracy_of_all"]
    assert found.run.history["recall"].between(0, 1).all()


def test_disputed_pairs_are_counted(store, dataset, project):
    found = find_label_errors(store, dataset, TfidfSVM, project=project)
    assert found.run.name == "questions/labels-tfidf-svm"
    pairs, flagged = found.run.history, found.run.metrics["flagged"].value
    assert (0 if pairs.empty else pairs["texts"].sum()) == flagged <= 0.1 * len(found.ranking)
    with pytest.raises(ParameterError, match="labels='votes' is no kept column"):
        find_label_errors(store, dataset, TfidfSVM, labels="votes", project=project)


def test_a_class_of_few_texts_cannot_be_judged_out_of_fold(store, dataset, project):
    train = dataset.splits["train"]
    few = np.append(np.flatnonzero(train.labels != 0), np.flatnonzero(train.labels == 0)[:3])
    ids, texts = ([part[row] for row in few] for part in (train.ids, train.texts))
    cut = Split(ids, texts, train.labels[few], {})
    thin = replace(dataset, splits={**dataset.splits, "train": cut})
    with pytest.raises(DataError, match="a class has 3 training texts: 5 folds need 5 of each"):
        find_label_errors(store, thin, TfidfSVM, project=project)


@pytest.fixture(scope="module")
def studied(dataset, tmp_path_factory):
    """Runs of a study: all texts, fewer, labels of a crowd, another learning rate."""
    project = Project(tmp_path_factory.mktemp("study"))
    store = RunStore(project.root / "runs")
    plans = [
        DataConfig(0),
        DataConfig(1),
        DataConfig(0, 60),
        DataConfig(1, 60),
        DataConfig(0, None, "crowd"),
    ]
    for plan in plans:
        train_document_run(store, dataset, TfidfSVM(), plan, project=project)
        train_document_run(store, dataset, small(2), plan, project=project)
    faster = small(2)
    faster.training = replace(faster.training, learning_rate=0.02)
    train_document_run(
        store, dataset, faster, DataConfig(0), name="scratch-tiny-lr2e-2", project=project
    )
    return local_document_runs(store.root)


def test_a_study_takes_its_runs_apart(studied):
    models = by_dataset(trained_on_all(studied))["questions"]
    assert {name: len(seeds) for name, seeds in models.items()} == {
        "scratch-tiny": 2,
        "tfidf-svm": 2,
    }
    (folder,) = {seeds[0].path.parents[1] for seeds in studied.values()}
    assert local_document_runs("") == {} == local_document_runs(folder, "answers")
    with pytest.raises(ParameterError, match="'nowhere' is no folder of runs"):
        local_document_runs("nowhere")


def test_a_study_tells_scores_cost_and_size(studied):
    models = by_dataset(trained_on_all(studied))["questions"]
    table = model_table(models)
    assert table["error"].is_monotonic_increasing
    right = [run.metrics["accuracy"].value for run in models["tfidf-svm"]]
    assert table.loc["tfidf-svm", "error"] == pytest.approx(1 - np.mean(right))
    assert (table[["trained", "train_s", "s_per_1000", "seeds"]] > 0).all(axis=None)
    assert list(accuracy_table(models).index) == list(table.index[::-1])


def test_a_study_tells_how_much_validation_flatters(studied):
    models = by_dataset(trained_on_all(studied))["questions"]
    gaps = validation_optimism(models)
    for name, row in gaps.iterrows():
        runs = models[name]
        means = [
            np.mean([(said.predicted == said.labels).mean() for said in part])
            for part in (
                [run.val_predictions for run in runs],
                [run.document_predictions for run in runs],
            )
        ]
        assert row[["validation", "test"]].tolist() == pytest.approx(means)
        assert row["value"] == pytest.approx(means[0] - means[1])
        assert row["low"] <= row["value"] <= row["high"]


def test_a_study_follows_examples_rates_and_noise(studied):
    learned = learning_curve_table(studied)
    assert learned.groupby("model")["examples"].nunique().tolist() == [2, 2]
    assert set(map(len, learned["seeds"])) == {2}
    row = crossover_table(learned, [("scratch-tiny", "tfidf-svm")]).loc["scratch-tiny / tfidf-svm"]
    assert row["ahead_then"] in ("scratch-tiny", "tfidf-svm", "neither")
    assert list(learning_rate_table(studied, "scratch-tiny").index) == [0.01, 0.02]
    noise = label_noise_table(by_dataset(studied)["questions"], "crowd")
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
