import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.experiments.documents.questions import models_on_all, stored_runs
from tests.studies.generative.test_class_lm import PROMPTS, SHORT, prompted, scratch
from tests.training.planted_documents import CLASS_WORDS, CLASSES, planted, planted_table
from wholescript.data.labelled import load_source, prepare, read_labelled_dataset
from wholescript.data.labelled.overlap import NgramIndex
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.evaluation.document_metrics import bootstrap
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.tables import trained_on_true_labels
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import run
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.bag_of_words import NaiveBayes
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.project import Project
from wholescript.studies.generative.synthetic_data import (
    METADATA_FILE,
    SYNTHETIC_FILE,
    SamplingConfig,
    generate_documents,
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
from wholescript.training.settings import LM_TRAIN_CONFIG

SAMPLING = SamplingConfig(max_tokens=30, min_words=3, batch_size=8)
REJECTIONS = ("n_too_short", "n_duplicates", "n_copied")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    source = load_source(str(planted_table(folder / "questions.csv")))
    prepare(source, folder / "prepared", progress=False)
    return read_labelled_dataset(folder / "prepared")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    return Workspace(Project(root), RunStore(root / "runs"))


def train(workspace, dataset, estimator, config=DataConfig(), name=None, synthetic=None):  # noqa: B008
    experiment = DocumentExperiment(estimator, config, name, synthetic)
    return run(experiment, dataset, workspace, progress=False)


@pytest.fixture(scope="module")
def lm_run(workspace, dataset):
    config = replace(LM_TRAIN_CONFIG, epochs=10, learning_rate=3e-3)
    return train(workspace, dataset, scratch(train_config=config))


@pytest.fixture(scope="module")
def ngram_run(workspace, dataset):
    return train(workspace, dataset, NgramClassifier())


@pytest.fixture(scope="module")
def folder(workspace, dataset, lm_run):
    return generate_synthetic(workspace, lm_run, dataset, 20, SAMPLING)


@pytest.fixture(scope="module")
def real():
    return planted(300, words=7)


@pytest.fixture(scope="module")
def fitted(real):
    config = replace(SHORT, epochs=15)
    return scratch(train_config=config).fit(real, planted(60, seed=1, words=7), seed=0)


def test_documents_have_words_of_their_class(fitted, tmp_path):
    synthetic = generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path)
    assert synthetic.labels == [c for c in range(CLASSES) for _ in range(12)]
    right = [
        any(word in text.split() for word in CLASS_WORDS[label])
        for text, label in zip(synthetic.texts, synthetic.labels, strict=True)
    ]
    assert sum(right) > 0.7 * len(right)
    assert len(set(synthetic.texts)) == len(synthetic.texts)
    assert all(len(text.split()) >= 3 for text in synthetic.texts)


def test_copies_of_real_documents_are_rejected(fitted, real, tmp_path):
    unfiltered = generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path)
    ngrams = NgramIndex.from_texts(real.texts, 4)
    filtered = generate_documents(fitted, 12, ngrams, SAMPLING, tmp_path)
    assert ngrams.contains_ngram_of(unfiltered.texts).any(), "there is something to reject"
    assert not ngrams.contains_ngram_of(filtered.texts).any()
    assert filtered.counts["n_copied"] > 0
    rejections = ("n_too_short", "n_duplicates", "n_copied")
    n_rejected = sum(filtered.counts[reason] for reason in rejections)
    assert filtered.counts["n_generated"] == n_rejected + len(filtered.texts)


def test_a_resumed_call_generates_the_same_documents(fitted, tmp_path):
    whole = generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path / "a")
    generate_documents(fitted, 5, NgramIndex.from_texts([]), SAMPLING, tmp_path / "b")
    stored = {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert (
        generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path / "b") == whole
    )
    assert all((tmp_path / "b" / name).read_bytes() == content for name, content in stored.items())


def test_generation_omits_the_prompt_and_leaves_the_model_unchanged(real, tmp_path):
    tuned = prompted(tmp_path / "decoder", train_config=replace(SHORT, epochs=1))
    fitted = tuned.fit(planted(60), planted(30, seed=1), seed=0)
    fitted = replace(fitted, bfloat16=True)
    before = [
        {name: value.clone() for name, value in class_lm.model.state_dict().items()}
        for class_lm in fitted.class_lms
    ]
    sampling = replace(SAMPLING, min_words=1)
    synthetic = generate_documents(
        fitted, 4, NgramIndex.from_texts([]), sampling, tmp_path / "drafts"
    )
    assert len(synthetic.texts) == 4 * CLASSES
    assert not any(text.startswith(tuple(PROMPTS)) for text in synthetic.texts)
    for class_lm, was in zip(fitted.class_lms, before, strict=True):
        now = class_lm.model.state_dict()
        assert all(torch.equal(now[name], value) for name, value in was.items())


def test_documents_depend_on_the_seed(fitted, tmp_path):
    texts = [
        generate_documents(
            fitted, 5, NgramIndex.from_texts([]), SAMPLING, tmp_path / str(seed), seed=seed
        ).texts
        for seed in (0, 1)
    ]
    assert texts[0] != texts[1]


def test_too_many_rejections_are_an_error(fitted, tmp_path):
    with pytest.raises(DataError, match="were rejected"):
        generate_documents(
            fitted,
            1,
            NgramIndex.from_texts([]),
            replace(SAMPLING, min_words=SAMPLING.max_tokens),
            tmp_path,
        )


def test_n_per_class_below_1_is_an_error(fitted, tmp_path):
    with pytest.raises(ParameterError, match="n_per_class=0"):
        generate_documents(fitted, 0, NgramIndex.from_texts([]), SAMPLING, tmp_path)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_p": 1.1}, {"max_tokens": 0}])
def test_sampling_fields_out_of_range_are_an_error(options):
    with pytest.raises(ParameterError):
        SamplingConfig(**options)


def texts_in(folder):
    lines = (folder / SYNTHETIC_FILE).read_text().splitlines()
    return [json.loads(line)["text"] for line in lines]


def test_no_document_is_copied_from_a_real_one(folder, dataset):
    texts = texts_in(folder)
    assert len(texts) == 60
    real = NgramIndex.from_texts(t for split in dataset.splits.values() for t in split.texts)
    assert not real.contains_ngram_of(texts).any()
    metadata = json.loads((folder / METADATA_FILE).read_text())
    assert metadata["counts"]["n_generated"] >= 60
    assert metadata["sampling"]["min_words"] == 3


def test_counts_and_first_documents_are_stored_as_a_run(workspace, folder):
    stored = workspace.store.find("questions/lm-tiny-s0-synthetic")
    counts = {name: metric.value for name, metric in stored.metrics.items()}
    assert counts["n_kept"] == 60
    assert counts["n_generated"] == 60 + sum(counts[reason] for reason in REJECTIONS)
    assert stored.settings["n_per_class"] == 20
    texts = texts_in(folder)
    assert stored.history["text"].tolist() == [texts[row] for row in (0, 1, 20, 21, 40, 41)]
    assert stored.history["class"].tolist() == [0, 0, 1, 1, 2, 2]


def test_augmentation_table_has_synthetic_and_real_documents(workspace, dataset, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "six")
    metadata = json.loads((copy / METADATA_FILE).read_text())
    metadata["data_config"]["n_train"] = 6
    (copy / METADATA_FILE).write_text(json.dumps(metadata))
    for n in (0, 10, 20):
        config = DataConfig(n_train=6, n_synthetic=n)
        synthetic = load_synthetic(copy, n, dataset, config) if n else None
        train(workspace, dataset, NaiveBayes(), config, synthetic=synthetic)
    for n_train in (3, 30, 90):  # only 30 is within the range of the synthetic documents
        train(workspace, dataset, NaiveBayes(), DataConfig(n_train=n_train))
    runs = stored_runs(workspace.store)
    table = augmentation_table(runs, 6).set_index(["source", "n_added"])
    assert set(table["model"]) == {"naive-bayes"}
    assert table.index.tolist() == [
        ("real", 24),
        ("synthetic", 0),
        ("synthetic", 30),
        ("synthetic", 60),
    ]
    assert table["n_real"].tolist() == [6] * 4
    augmented = table.loc["synthetic"]
    assert augmented.loc[0, ["error_ratio", "low", "high"]].tolist() == [1, 1, 1]
    for n_added, name in ((0, "naive-bayes-n6-s0"), (60, "naive-bayes-n6-synthetic20-s0")):
        accuracy = workspace.store.find(f"questions/{name}").metrics["accuracy"].value
        assert augmented.loc[n_added, "error"] == pytest.approx(1 - accuracy, abs=1e-6)
    assert not trained_on_true_labels(runs["questions/naive-bayes-n6-synthetic20"])


def test_tables_of_generative_models(workspace, lm_run, ngram_run):
    models = models_on_all(stored_runs(workspace.store))
    table = calibration_table(models)
    assert {"lm-tiny", "ngram-bayes"} <= set(table.index)
    row = table.loc["lm-tiny"]
    assert row["temperature"] == lm_run.metrics["temperature"].value
    assert row["length_exponent"] == lm_run.metrics["length_exponent"].value
    assert row["ece_uncalibrated"] == lm_run.metrics["ece_uncalibrated"].value
    assert row["ece_ratio"] == row["ece_uncalibrated"] / row["ece"] > 1
    assert table.loc["ngram-bayes", "temperature"] > 0
    epochs = lm_losses_by_epoch(models)
    assert set(epochs["model"]) == {"lm-tiny"} and epochs["class"].nunique() == 3
    assert (epochs.groupby("class")["epoch"].min() == 1).all(), "epochs are counted per class"
    best = best_epochs(epochs).set_index("class")["val_loss"]
    assert best.to_dict() == epochs.groupby("class")["val_loss"].min().to_dict()
    assert len(per_class_table(models).columns) == 9


def test_the_ece_noise_floor_decreases_with_the_sample_size():
    def calibrated(n, seed=0):
        rng = np.random.default_rng(100 + seed)
        confidence = rng.uniform(0.5, 1, n)
        labels = (rng.random(n) > confidence).astype(np.int64)
        ids = [str(row) for row in range(n)]
        probabilities = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
        return DocumentPredictions.from_probabilities(ids, ["a", "b"], labels, probabilities)

    many, few = (ece_noise_floor(calibrated(n)) for n in (20_000, 500))
    assert few / many == pytest.approx((20_000 / 500) ** 0.5, rel=0.1)
    eces = [
        bootstrap([calibrated(500, seed)], n_bootstrap=2).set_index("metric")["value"]["ece"]
        for seed in range(9)
    ]
    assert few == pytest.approx(np.mean(eces), rel=0.3)


def test_error_rate_ratios_use_the_common_documents(workspace, dataset, ngram_run):
    half_run = train(workspace, dataset, NaiveBayes(), name="half")
    common = set(half_run.predictions(DocumentPredictions).ids[::2])
    subset = half_run.predictions(DocumentPredictions).select(common)
    half_run = workspace.store.save(
        half_run.name, RunIdentity("kind", 1, half_run.settings, {}), half_run.metrics,
        metadata=half_run.config, predictions=subset,
    )  # fmt: skip
    ratios = error_rate_ratios_on_common_documents(
        {"half": [half_run], "ngrams": [ngram_run]}, "ngrams"
    )
    selected = [subset, ngram_run.predictions(DocumentPredictions).select(common)]
    errors = [1 - (part.predicted == part.labels).mean() for part in selected]
    assert ratios["half_over_ngrams"].value == pytest.approx(errors[0] / errors[1])


def test_the_first_documents_of_each_class_are_loaded(folder, dataset):
    part = load_synthetic(folder, 7, dataset, DataConfig())
    assert part.labels.tolist() == [0] * 7 + [1] * 7 + [2] * 7
    with pytest.raises(DataError, match="20 documents of class 0, not 21"):
        load_synthetic(folder, 21, dataset, DataConfig())
    with pytest.raises(DataError, match="no synthetic documents"):
        load_synthetic(folder.parent, 1, dataset, DataConfig())
    with pytest.raises(ParameterError, match="n_synthetic=0"):
        load_synthetic(folder, 0, dataset, DataConfig())
    with pytest.raises(ParameterError, match="n_train=None and seed=0, not n_train=None and seed"):
        load_synthetic(folder, 1, dataset, DataConfig(seed=1))
    with pytest.raises(ParameterError, match="n_train=None and seed=0, not n_train=6"):
        load_synthetic(folder, 1, dataset, DataConfig(n_train=6))
    with pytest.raises(ParameterError, match="another data set than questions"):
        load_synthetic(folder, 1, replace(dataset, fingerprint="other"), DataConfig())


def test_documents_may_contain_unicode_line_separators(folder, dataset, tmp_path):
    rows = [{"text": f"one\u2028two {label}", "label": label} for label in range(3)]
    lines = [f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows]
    (tmp_path / SYNTHETIC_FILE).write_text("".join(lines), encoding="utf-8")
    (tmp_path / METADATA_FILE).write_text((folder / METADATA_FILE).read_text())
    loaded = load_synthetic(tmp_path, 1, dataset, DataConfig())
    assert loaded.texts == [row["text"] for row in rows]


def test_synthetic_documents_are_added_to_the_training_data(workspace, dataset, folder, ngram_run):
    config = DataConfig(n_synthetic=20)
    synthetic = load_synthetic(folder, 20, dataset, config)
    augmented = train(workspace, dataset, NgramClassifier(), config, synthetic=synthetic)
    assert augmented.name == "questions/ngram-bayes-synthetic20-s0"
    real, more = ngram_run.config["documents"], augmented.config["documents"]
    assert more == real | {"train": real["train"] + 60}
    assert augmented.settings["data_config"]["n_synthetic"] == 20
    assert "synthetic" in augmented.data and augmented.key != ngram_run.key


def test_other_runs_cannot_generate(workspace, dataset, lm_run, ngram_run):
    with pytest.raises(RunError, match="no transformer per class"):
        generate_synthetic(workspace, ngram_run, dataset, 5, SAMPLING)
    other = replace(dataset, fingerprint="other")
    with pytest.raises(RunError, match="trained on other documents"):
        generate_synthetic(workspace, lm_run, other, 5, SAMPLING)
