import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.training.planted_documents import planted_table
from wholescript.cli import app
from wholescript.data.labelled import read_labelled_dataset
from wholescript.data.labelled.overlap import NgramIndex
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.evaluation.document_metrics import bootstrap
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.tables import by_dataset, local_document_runs, trained_on_all
from wholescript.experiments.store import RunStore
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.studies.generative.synthesis import SamplingConfig
from wholescript.studies.generative.synthetic_data import (
    NOTE,
    TEXTS,
    generate_synthetic,
    load_synthetic,
)
from wholescript.studies.generative.tables import (
    augmentation_table,
    best_epochs,
    calibration_table,
    ece_noise_floor,
    error_rate_ratios_on_common_documents,
    lm_losses_by_epoch,
    per_class_table,
)

SAMPLING = SamplingConfig(max_tokens=30, min_words=3, batch_size=8)


def call(root, command):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        done = CliRunner().invoke(app, command.split())
    return done


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A tree with small language models of three classes, and of n-grams."""
    root = tmp_path_factory.mktemp("tree")
    table = planted_table(root / "questions.csv")
    train = "train generative questions --model tiny --epochs 10 --learning-rate 3e-3"
    for command in (f"prepare {table}", "train generative questions", train):
        assert call(root, command).exit_code == 0
    return root


@pytest.fixture(scope="module")
def dataset(root):
    return read_labelled_dataset(root / "_build" / "labelled" / "questions")


def run_of(root, model):
    return RunStore(root / "_build" / "texts").find(f"questions/{model}-s0")


@pytest.fixture(scope="module")
def folder(root, dataset):
    run, store = run_of(root, "lm-tiny"), RunStore(root / "_build" / "texts")
    return generate_synthetic(Project(root), run, dataset, 20, SAMPLING, store=store)


def test_no_text_is_taken_from_the_real_ones(folder, dataset):
    texts = [json.loads(line)["text"] for line in (folder / TEXTS).read_text().splitlines()]
    assert len(texts) == 60
    real = NgramIndex.from_texts(text for split in dataset.splits.values() for text in split.texts)
    assert not real.contains_ngram_of(texts).any()
    note = json.loads((folder / NOTE).read_text())
    assert note["counts"]["drawn"] >= 60
    assert note["sampling"]["shortest"] == 3


def test_what_was_left_out_is_kept(root, folder):
    wrote = RunStore(root / "_build" / "texts").find("questions/lm-tiny-s0-wrote")
    counts = {name: metric.value for name, metric in wrote.metrics.items()}
    assert counts["kept"] == 60
    assert counts["drawn"] == 60 + sum(counts[why] for why in ("short", "repeated", "copied"))
    texts = [json.loads(line)["text"] for line in (folder / TEXTS).read_text().splitlines()]
    assert wrote.history["text"].tolist() == [texts[row] for row in (0, 1, 20, 21, 40, 41)]
    assert wrote.history["class"].tolist() == [0, 0, 1, 1, 2, 2]


def test_what_written_texts_do_is_told_beside_real_ones_alone(root, folder, tmp_path):
    note = json.loads((folder / NOTE).read_text())
    folder = shutil.copytree(folder, tmp_path / "six")
    note["training"]["examples"] = 6
    (folder / NOTE).write_text(json.dumps(note))
    train = "train linear questions --kind naive-bayes --examples 6"
    for more in ("", f" --written {folder} --added 10", f" --written {folder} --added 20"):
        assert call(root, train + more).exit_code == 0
    for n_train in (3, 30, 90):  # only the second has a number of real ones beside written ones
        assert call(root, train.replace("6", str(n_train))).exit_code == 0
    runs = local_document_runs(root / "_build" / "texts")
    found = augmentation_table(runs, 6).set_index(["further", "added"])
    assert set(found["model"]) == {"naive-bayes"}
    assert found.index.tolist() == [("real", 24), ("written", 0), ("written", 30), ("written", 60)]
    assert found["real"].tolist() == [6] * 4
    table = found.loc["written"]
    assert table.loc[0, ["ratio", "low", "high"]].tolist() == [1, 1, 1]
    store = RunStore(root / "_build" / "texts")
    for n_synthetic, name in ((0, "naive-bayes-n6-s0"), (60, "naive-bayes-n6-plus20-s0")):
        accuracy = store.find(f"questions/{name}").metrics["accuracy"].value
        assert table.loc[n_synthetic, "error"] == pytest.approx(1 - accuracy, abs=1e-6)
    assert "questions/ngram-bayes-plus20" not in trained_on_all(runs)


def test_models_of_language_as_tables(root):
    models = by_dataset(trained_on_all(local_document_runs(root / "_build" / "texts")))["questions"]
    rules = calibration_table(models)
    assert {"lm-tiny", "ngram-bayes"} <= set(rules.index)
    run = run_of(root, "lm-tiny")
    assert rules.loc["lm-tiny", "temperature"] == run.metrics["temperature"].value
    plain, calibrated = rules.loc["lm-tiny", ["ece_plain", "ece"]]
    assert plain == run.metrics["ece_uncalibrated"].value
    assert rules.loc["lm-tiny", "times"] == plain / calibrated > 1
    assert rules.loc["ngram-bayes", "temperature"] > 0
    epochs = lm_losses_by_epoch(models)
    assert set(epochs["model"]) == {"lm-tiny"} and epochs["class"].nunique() == 3
    assert (epochs.groupby("class")["epoch"].min() == 1).all(), "each class counts its own"
    kept = best_epochs(epochs)
    least = epochs.groupby("class")["held_out_loss"].min()
    assert kept.set_index("class")["held_out_loss"].to_dict() == least.to_dict()
    assert len(per_class_table(models).columns) == 9


def test_the_error_of_calibration_that_is_chance_shrinks_with_the_texts():
    def said(n, seed=0):
        rng = np.random.default_rng(100 + seed)
        sure = rng.uniform(0.5, 1, n)
        labels = (rng.random(n) > sure).astype(np.int64)
        ids = [str(row) for row in range(n)]
        return DocumentPredictions.from_probabilities(
            ids, ["a", "b"], labels, np.stack([sure, 1 - sure], axis=1).astype(np.float32)
        )

    many, few = (ece_noise_floor(said(n)) for n in (20_000, 500))
    assert few / many == pytest.approx((20_000 / 500) ** 0.5, rel=0.1)
    eces = [
        bootstrap([said(500, s)], n_boot=2).set_index("metric")["value"]["ece"] for s in range(9)
    ]
    assert few == pytest.approx(np.mean(eces), rel=0.3)


def test_models_that_were_asked_about_other_texts_are_compared_where_both_were(root):
    command = "train linear questions --kind naive-bayes --name few"
    assert call(root, command).exit_code == 0
    store = RunStore(root / "_build" / "texts")
    few, bayes = store.find("questions/few-s0"), run_of(root, "ngram-bayes")
    half = set(few.document_predictions.ids[::2])
    few.document_predictions.select(half).write(few.path / "predictions.parquet")
    ratios = error_rate_ratios_on_common_documents({"few": [few], "bayes": [bayes]}, "bayes")
    halves = [run.document_predictions.select(half) for run in (few, bayes)]
    errors = [1 - (half.predicted == half.labels).mean() for half in halves]
    assert ratios["few_over_bayes"].value == pytest.approx(errors[0] / errors[1])


def test_a_part_of_them_is_read(folder, dataset):
    part = load_synthetic(folder, 7, dataset, DataConfig())
    assert part.labels.tolist() == [0] * 7 + [1] * 7 + [2] * 7
    with pytest.raises(DataError, match="20 texts of class 0, 21 are asked for"):
        load_synthetic(folder, 21, dataset, DataConfig())
    with pytest.raises(DataError, match="no written texts"):
        load_synthetic(folder.parent, 1, dataset, DataConfig())
    with pytest.raises(ParameterError, match="n_synthetic=0"):
        load_synthetic(folder, 0, dataset, DataConfig())
    with pytest.raises(ParameterError, match="learned from n_train=None of seed=0, here"):
        load_synthetic(folder, 1, dataset, DataConfig(seed=1))
    with pytest.raises(ParameterError, match="learned from n_train=None of seed=0, here"):
        load_synthetic(folder, 1, dataset, DataConfig(n_train=6))
    with pytest.raises(ParameterError, match="another set than questions"):
        load_synthetic(folder, 1, replace(dataset, fingerprint="other"), DataConfig())


def test_a_written_text_may_hold_what_ends_a_line_elsewhere(folder, dataset, tmp_path):
    rows = [{"text": f"one\u2028two {label}", "label": label} for label in range(3)]
    (tmp_path / TEXTS).write_text(
        "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8"
    )
    (tmp_path / NOTE).write_text((folder / NOTE).read_text())
    read = load_synthetic(tmp_path, 1, dataset, DataConfig())
    assert read.texts == [row["text"] for row in rows]


def test_they_are_learned_from(root, folder):
    command = f"train generative questions --written {folder} --added 20"
    done = call(root, command)
    assert done.exit_code == 0, done.output
    real = run_of(root, "ngram-bayes")
    more = RunStore(root / "_build" / "texts").find("questions/ngram-bayes-plus20-s0")
    assert more.config["texts"]["train"] == real.config["texts"]["train"] + 60
    assert more.config["training"]["added"] == 20
    assert more.key != real.key
    assert (more.config["texts"]["validation"], more.config["texts"]["test"]) == (
        real.config["texts"]["validation"],
        real.config["texts"]["test"],
    )


def test_models_of_language_are_compared_with_others(root):
    done = call(root, "compare questions/lm-tiny questions/ngram-bayes")
    assert done.exit_code == 0, done.output
    page = (root / "_build" / "comparison" / "texts.html").read_text()
    assert "questions/lm-tiny" in page


def test_number_and_folder_go_together(root, folder):
    done = call(root, "train generative questions --added 20")
    assert done.exit_code == 2 and "go together" in done.output


def test_only_transformers_of_these_texts_can_write(root, dataset):
    with pytest.raises(RunError, match="no transformer"):
        generate_synthetic(Project(root), run_of(root, "ngram-bayes"), dataset, 5, SAMPLING)
    run = run_of(root, "lm-tiny")
    run.config["data"] = "other"
    with pytest.raises(RunError, match="not trained on these texts"):
        generate_synthetic(Project(root), run, dataset, 5, SAMPLING)
