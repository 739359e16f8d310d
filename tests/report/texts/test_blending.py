import numpy as np
import pytest
from scipy.special import log_softmax

from wholescript.errors import DataError, ParameterError, RunError
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.studies.classifiers.ensemble import ensemble_runs

COSTS = ("train_seconds", "inference_seconds_per_1000", "parameters", "trained_parameters")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


def said(seed, noise, n=2_000):
    """What a model says that sees the truth behind noise of its own."""
    truth = np.random.default_rng(0).integers(0, 2, n)
    seen = (2 * truth - 1) + np.random.default_rng(seed).normal(0, noise, n)
    odds = np.stack([np.zeros(n), 2 * seen / noise**2], axis=1)
    ids = [str(row) for row in range(n)]
    return DocumentPredictions.from_probabilities(
        ids, ["a", "b"], truth, np.exp(log_softmax(odds, 1))
    )


def stored(store, name, seed, noise, val_predictions=True, **changed):
    config = {
        "key": name, "data": "d", "training": {"seed": 0}, "textset": "set", "seed": 0,
        "classes": ["a", "b"], "texts": {}, "scale": "cpu", "device": "here", "threads": 1,
    } | changed  # fmt: skip
    metrics = {cost: Metric(2.0) for cost in COSTS}
    held_out = said(seed + 100, noise) if val_predictions else None
    return store.save(f"set/{name}-s0", config, metrics, said(seed, noise), None, held_out)


def error(run):
    return np.mean(run.document_predictions.predicted != run.document_predictions.labels)


def test_two_that_err_apart_are_better_together(store):
    members = [stored(store, "one", 1, 1.2), stored(store, "two", 2, 1.5)]
    run = ensemble_runs(store, members, "both")
    assert run.name == "set/both-s0"
    assert error(run) < 0.9 * min(map(error, members))
    shares = run.config["chosen"]
    assert shares.keys() == {"set/one-s0", "set/two-s0"}
    assert all(share == pytest.approx(1, abs=0.2) for share in shares.values())
    assert {cost: run.metrics[cost].value for cost in COSTS} == dict.fromkeys(COSTS, 4.0)


def test_a_member_that_knows_nothing_gets_no_weight(store):
    members = [stored(store, "one", 1, 1.0), stored(store, "blind", 2, 60.0)]
    assert abs(error(ensemble_runs(store, members)) - error(members[0])) < 0.005


def test_a_blend_can_be_blended(store):
    first = ensemble_runs(
        store, [stored(store, "one", 1, 1.2), stored(store, "two", 2, 1.5)], "both"
    )
    run = ensemble_runs(store, [first, stored(store, "three", 3, 1.2)], "all")
    assert error(run) < error(first)


def test_a_blend_of_fewer_examples_has_a_name_of_its_own(store):
    few = {"training": {"seed": 0, "examples": 50, "labels": "label"}}
    members = [stored(store, name, seed, 1.0, **few) for seed, name in enumerate("ab")]
    assert ensemble_runs(store, members).name == "set/blend-n50-s0"


def test_members_of_other_texts_or_seeds_are_refused(store):
    one = stored(store, "one", 1, 1.0)
    with pytest.raises(ParameterError, match="two runs"):
        ensemble_runs(store, [one])
    with pytest.raises(ParameterError, match="other texts"):
        ensemble_runs(store, [one, stored(store, "two", 2, 1.0, data="other")])
    with pytest.raises(ParameterError, match="another seed"):
        ensemble_runs(store, [one, stored(store, "two", 2, 1.0, training={"seed": 1})])


def test_a_member_without_validation_is_refused(store):
    members = [stored(store, "one", 1, 1.0), stored(store, "two", 2, 1.0, val_predictions=False)]
    with pytest.raises((RunError, DataError)):
        ensemble_runs(store, members)
