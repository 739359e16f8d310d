from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.training.planted import D, N, corpus
from wholescript.errors import ParameterError
from wholescript.models.imbalance import IMBALANCE_CORRECTIONS
from wholescript.models.task import Task
from wholescript.studies.screenplays.models.aggregation import MILClassifier
from wholescript.studies.screenplays.models.imbalance import ImbalanceMILClassifier, smote_sequences
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig

QUICK = TrainConfig(epochs=10, learning_rate=1e-2, patience=3)
SMALL = MILClassifier(
    "gated_attention", D, 2, 16, QUICK, aggregator_options={"d_model": 16, "d_attention": 8}
)
RARE = np.arange(0, N, 9)  # every third of the positive films


@pytest.fixture
def task(films):
    """The planted corpus with one film in nine positive."""
    _, chunks = corpus()
    labels = np.zeros(N, np.int8)
    labels[RARE] = 1
    return Task(films, labels, films["film_id"].to_numpy(object), SimpleNamespace(chunks=chunks))


@pytest.fixture
def training():
    labels, chunks = corpus()
    return ChunkBatchLoader(chunks, labels, np.arange(60), D, 0.3, 16)


def treated(correction, **changes):
    return ImbalanceMILClassifier(**vars(SMALL), correction=correction, **changes)


@pytest.mark.parametrize("treatment", IMBALANCE_CORRECTIONS)
def test_each_treatment_learns_what_is_planted(correction, task):
    labels, _ = corpus()
    order = np.random.default_rng(2).permutation(N)
    train, test = order[:66], order[66:]
    scores = treated(correction).fit_predict(replace(task, labels=labels), train, test, seed=0)
    assert roc_auc_score(labels[test], scores.test) > 0.8


def test_evening_treatments_raise_the_probability_of_the_rare_class(task):
    train, test = np.arange(66), np.arange(66, N)
    mean = {
        name: treated(name).fit_predict(task, train, test, seed=0).test.mean()
        for name in ("plain", "class weights", "class-balanced", "oversampling", "SMOTE")
    }
    assert min(value for name, value in mean.items() if name != "plain") > mean["plain"] + 0.05


def test_plain_is_the_aggregator_itself(task):
    train, test = np.arange(66), np.arange(66, N)
    plain, itself = (e.fit_predict(task, train, test, seed=0) for e in (treated("plain"), SMALL))
    np.testing.assert_array_equal(plain.test, itself.test)


def test_only_training_films_are_repeated(training):
    drawn = treated("oversampling").drawn(training, seed=0)
    labels = training.labels[drawn.rows]
    assert labels.mean() == 0.5
    assert set(drawn.rows) == set(training.rows)
    assert treated("class weights").drawn(training, seed=0) is training


def test_invented_films_lie_between_positive_ones(training):
    positive = training.rows[training.labels[training.rows] == 1]
    drawn = treated("SMOTE").drawn(training, seed=0)
    synthetic = drawn.rows[drawn.rows >= len(training.labels)]
    assert len(synthetic) == 20  # of 60 training films 20 are positive
    assert drawn.labels[synthetic].all()
    assert drawn.labels[drawn.rows].mean() == 0.5
    np.testing.assert_array_equal(drawn.labels[: len(training.labels)], training.labels)
    np.testing.assert_array_equal(drawn.chunks.of(5), training.chunks.of(5))
    lengths = set(training.chunks.counts[positive])
    assert set(drawn.chunks.counts[synthetic]) <= lengths
    codes = np.concatenate([training.chunks.of(row) for row in positive])
    for film in synthetic:
        assert (drawn.chunks.of(film) >= codes.min(0) - 1e-6).all()
        assert (drawn.chunks.of(film) <= codes.max(0) + 1e-6).all()


def test_between_twins_nothing_new_is_invented(training):
    codes = training.chunks.codes.copy()
    codes[:] = 7
    alike = replace(training, chunks=replace(training.chunks, codes=codes))
    drawn = smote_sequences(alike, np.array([0, 3]), 2, seed=0)
    assert (drawn.chunks.codes == 7).all()


def test_weights_even_out_the_classes_and_the_rest_is_cross_entropy():
    labels = np.repeat(np.array([0, 1], np.int8), [90, 10])
    weights = treated("class weights").loss(labels).keywords
    assert weights["positive"] == pytest.approx(9 * weights["negative"])
    balanced = treated("class-balanced", beta=0.0).loss(labels).keywords
    assert balanced["positive"] == pytest.approx(balanced["negative"])
    assert treated("focal loss", gamma=3.0).loss(labels).keywords == {"gamma": 3.0}
    assert treated("SMOTE").loss(labels) is binary_cross_entropy_with_logits


def test_an_unknown_treatment_is_an_error_and_the_configuration_tells_it():
    with pytest.raises(ParameterError, match=r"'smoote'.*plain.*focal loss"):
        treated("smoote")
    assert treated("SMOTE").config["treatment"] == "SMOTE"
    assert treated("class weights").name == "class-weights"
