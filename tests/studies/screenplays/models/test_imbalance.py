from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.training.planted import D, N, corpus
from wholescript.errors import ParameterError
from wholescript.models.films.imbalance import IMBALANCE_CORRECTIONS
from wholescript.studies.screenplays.models.imbalance import ImbalanceMILClassifier, smote_sequences
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig

QUICK = TrainConfig(epochs=10, learning_rate=1e-2, patience=3)
SMALL = MILClassifier(
    "gated_attention", D, 2, 16, QUICK, aggregator_options={"d_model": 16, "d_attention": 8}
)
RARE = np.arange(0, N, 9)  # every third of the positive films


@pytest.fixture
def rare(dataset):
    """The planted corpus with one film in nine positive."""
    labels = np.zeros(N, np.int8)
    labels[RARE] = 1
    return replace(dataset, labels=labels)


@pytest.fixture
def train_loader():
    labels, chunks = corpus()
    return ChunkBatchLoader(chunks, labels, np.arange(60), D, 0.3, 16)


def corrected(correction, **changes):
    return ImbalanceMILClassifier(**vars(SMALL), correction=correction, **changes)


@pytest.mark.parametrize("correction", IMBALANCE_CORRECTIONS)
def test_planted_signal_is_learned_with_each_correction(correction, dataset, rows):
    train, test = rows
    scores = corrected(correction).fit_predict(dataset, train, test, seed=0)
    assert roc_auc_score(dataset.labels[test], scores.test) > 0.8


def test_corrections_raise_the_probability_of_the_rare_class(rare):
    train, test = np.arange(66), np.arange(66, N)
    mean = {
        name: corrected(name).fit_predict(rare, train, test, seed=0).test.mean()
        for name in ("uncorrected", "class weights", "class-balanced", "oversampling", "SMOTE")
    }
    assert (
        min(value for name, value in mean.items() if name != "uncorrected")
        > mean["uncorrected"] + 0.05
    )


def test_uncorrected_equals_the_mil_classifier(rare):
    train, test = np.arange(66), np.arange(66, N)
    uncorrected, mil = (
        e.fit_predict(rare, train, test, seed=0) for e in (corrected("uncorrected"), SMALL)
    )
    np.testing.assert_array_equal(uncorrected.test, mil.test)


def test_oversampling_repeats_training_films_only(train_loader):
    resampled = corrected("oversampling").resample(train_loader, seed=0)
    labels = train_loader.labels[resampled.indices]
    assert labels.mean() == 0.5
    assert set(resampled.indices) == set(train_loader.indices)
    assert corrected("class weights").resample(train_loader, seed=0) is train_loader


def test_smote_films_lie_between_positive_films(train_loader):
    positive = train_loader.indices[train_loader.labels[train_loader.indices] == 1]
    resampled = corrected("SMOTE").resample(train_loader, seed=0)
    synthetic = resampled.indices[resampled.indices >= len(train_loader.labels)]
    assert len(synthetic) == 20  # of 60 training films 20 are positive
    assert resampled.labels[synthetic].all()
    assert resampled.labels[resampled.indices].mean() == 0.5
    np.testing.assert_array_equal(resampled.labels[: len(train_loader.labels)], train_loader.labels)
    np.testing.assert_array_equal(
        resampled.chunks.coordinates(5), train_loader.chunks.coordinates(5)
    )
    lengths = set(train_loader.chunks.counts[positive])
    assert set(resampled.chunks.counts[synthetic]) <= lengths
    codes = np.concatenate([train_loader.chunks.coordinates(row) for row in positive])
    for film in synthetic:
        assert (resampled.chunks.coordinates(film) >= codes.min(0) - 1e-6).all()
        assert (resampled.chunks.coordinates(film) <= codes.max(0) + 1e-6).all()


def test_smote_between_equal_films_gives_the_same_film(train_loader):
    codes = train_loader.chunks.codes.copy()
    codes[:] = 7
    alike = replace(train_loader, chunks=replace(train_loader.chunks, codes=codes))
    resampled = smote_sequences(alike, np.array([0, 3]), 2, seed=0)
    assert (resampled.chunks.codes == 7).all()


def test_loss_of_each_correction():
    labels = np.repeat(np.array([0, 1], np.int8), [90, 10])
    weights = corrected("class weights").make_loss_fn(labels).keywords
    assert weights["positive"] == pytest.approx(9 * weights["negative"])
    balanced = corrected("class-balanced", beta=0.0).make_loss_fn(labels).keywords
    assert balanced["positive"] == pytest.approx(balanced["negative"])
    assert corrected("focal loss", gamma=3.0).make_loss_fn(labels).keywords == {"gamma": 3.0}
    assert corrected("SMOTE").make_loss_fn(labels) is binary_cross_entropy_with_logits


def test_correction_is_checked_and_part_of_config_and_name():
    with pytest.raises(ParameterError, match=r"'smoote'.*uncorrected.*focal loss"):
        corrected("smoote")
    assert corrected("SMOTE").config["correction"] == "SMOTE"
    assert corrected("class weights").name == "class-weights"
