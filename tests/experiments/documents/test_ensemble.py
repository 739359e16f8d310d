import numpy as np
import pytest
from scipy.special import log_softmax

from wholescript.errors import ParameterError, RunError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.ensemble import SUMMED_COSTS, Ensemble
from wholescript.experiments.experiment import run
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric


def predictions(seed, noise, n=2_000):
    """The predictions of a model that observes the labels with noise."""
    labels = np.random.default_rng(0).integers(0, 2, n)
    observed = (2 * labels - 1) + np.random.default_rng(seed).normal(0, noise, n)
    logits = np.stack([np.zeros(n), 2 * observed / noise**2], axis=1)
    ids = [str(row) for row in range(n)]
    return DocumentPredictions.from_probabilities(
        ids, ["a", "b"], labels, np.exp(log_softmax(logits, 1))
    )


def member(workspace, name, rng_seed, noise, *, fingerprint="d", validated=True, **data_config):
    """Store a run with such predictions."""
    settings = {"estimator": {"model": name}, "data_config": {"seed": 0} | data_config}
    metadata = {
        "dataset": "set", "seed": 0, "classes": ["a", "b"], "documents": {}, "scale": "cpu",
        "device": "here", "threads": 1,
    }  # fmt: skip
    return workspace.store.save(
        f"set/{name}-s0",
        RunIdentity("document_classifier", 1, settings, {"fingerprint": fingerprint}),
        {cost: Metric(2.0) for cost in SUMMED_COSTS},
        metadata=metadata,
        predictions=predictions(rng_seed, noise),
        val_predictions=predictions(rng_seed + 100, noise) if validated else None,
    )


def error_rate(result):
    stored = result.predictions(DocumentPredictions)
    return np.mean(stored.predicted != stored.labels)


def test_independent_members_are_better_together(workspace):
    members = [member(workspace, "one", 1, 1.2), member(workspace, "two", 2, 1.5)]
    result = run(Ensemble("both"), members, workspace)
    assert result.name == "set/both-s0"
    assert result.settings["estimator"]["model"] == "WeightedEnsemble"
    assert error_rate(result) < 0.9 * min(map(error_rate, members))
    weights = result.config["chosen"]
    assert weights.keys() == {"set/one-s0", "set/two-s0"}
    assert all(weight == pytest.approx(1, abs=0.2) for weight in weights.values())
    costs = {cost: result.metrics[cost].value for cost in SUMMED_COSTS}
    assert costs == dict.fromkeys(SUMMED_COSTS, 4.0)


def test_an_uninformative_member_gets_no_weight(workspace):
    members = [member(workspace, "one", 1, 1.0), member(workspace, "noise", 2, 60.0)]
    assert abs(error_rate(run(Ensemble(), members, workspace)) - error_rate(members[0])) < 0.005


def test_an_ensemble_can_be_a_member(workspace):
    members = [member(workspace, "one", 1, 1.2), member(workspace, "two", 2, 1.5)]
    first = run(Ensemble("both"), members, workspace)
    result = run(Ensemble("all"), [first, member(workspace, "three", 3, 1.2)], workspace)
    assert error_rate(result) < error_rate(first)


def test_the_name_has_the_suffix_of_the_data(workspace):
    data_config = {"n_train": 50, "label_column": "label"}
    members = [member(workspace, name, i, 1.0, **data_config) for i, name in enumerate("ab")]
    assert run(Ensemble(), members, workspace).name == "set/ensemble-n50-s0"


def test_members_of_other_data_or_seeds_are_an_error(workspace):
    one = member(workspace, "one", 1, 1.0)
    with pytest.raises(ParameterError, match="at least two runs"):
        run(Ensemble(), [one], workspace)
    with pytest.raises(ParameterError, match="other documents"):
        run(Ensemble(), [one, member(workspace, "two", 2, 1.0, fingerprint="x")], workspace)
    with pytest.raises(ParameterError, match="another seed"):
        run(Ensemble(), [one, member(workspace, "two", 2, 1.0, seed=1)], workspace)


def test_a_member_without_validation_predictions_is_an_error(workspace):
    members = [member(workspace, "one", 1, 1.0), member(workspace, "two", 2, 1.0, validated=False)]
    with pytest.raises(RunError, match="no predictions on validation"):
        run(Ensemble(), members, workspace)
