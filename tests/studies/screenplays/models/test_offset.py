import json

import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from tests.training.planted import D
from wholescript.models.films.estimator import FoldPredictions
from wholescript.studies.screenplays.models.offset import OffsetMILClassifier
from wholescript.training.loop import TrainConfig

OPTIONS = {"d_model": 16, "d_attention": 8}


class Baseline:
    """A model of films whose logit is drawn at random."""

    name, config = "baseline", {"baseline": True}

    def fit_predict(self, dataset, train, test, *, seed):
        scores = expit(np.random.default_rng(5).normal(size=len(dataset.labels)))
        return FoldPredictions(scores[train], scores[test])


def make(epochs: int, learning_rate: float) -> OffsetMILClassifier:
    config = TrainConfig(epochs=epochs, learning_rate=learning_rate, patience=3)
    return OffsetMILClassifier(
        "gated_attention",
        D,
        n_inner_folds=3,
        batch_size=16,
        train_config=config,
        aggregator_options=OPTIONS,
        baseline=Baseline(),
    )


def test_an_untrained_network_predicts_what_the_baseline_does(dataset, rows):
    train, test = rows
    baseline = Baseline().fit_predict(dataset, train, test, seed=0)
    found = make(1, 1e-9).fit_predict(dataset, train, test, seed=0)
    np.testing.assert_allclose(found.test, baseline.test, atol=1e-5)
    np.testing.assert_allclose(found.inner, baseline.inner, atol=1e-5)


def test_what_the_baseline_lacks_is_learned_from_the_chunks(dataset, rows):
    train, test = rows
    found = make(15, 1e-2).fit_predict(dataset, train, test, seed=0)
    assert roc_auc_score(dataset.labels[test], found.test) > 0.8


def test_configuration_has_the_baseline():
    config = json.loads(json.dumps(make(2, 1e-3).config))
    assert config["baseline"] == {"baseline": True}
    assert make(2, 1e-3).name == "gated-attention-on-baseline"
