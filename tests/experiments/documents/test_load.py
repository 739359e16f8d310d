import json

import numpy as np
import pytest

from tests.experiments.documents.questions import tiny_classifier
from wholescript.errors import ParameterError, RunError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.evaluation.token_attribution import attribute_tokens
from wholescript.experiments.documents.attribution import TokenAttribution
from wholescript.experiments.documents.ensemble import Ensemble
from wholescript.experiments.documents.load import load_trained_run, make_estimator
from wholescript.experiments.documents.train import DocumentExperiment
from wholescript.experiments.experiment import run
from wholescript.experiments.registry import MODELS
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.models.documents.bag_of_words import NBSVM
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier
from wholescript.project import Project
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.studies.encoder.classifier import EncoderClassifier
from wholescript.studies.generative.class_lm import FinetunedGenerative, ScratchGenerative
from wholescript.training.loop import TrainConfig
from wholescript.training.settings import PRETRAIN_CONFIG

TEXTS = ["the old violin", "a harbour under the pier"]
ESTIMATORS = [
    entry
    for entry in MODELS.values()
    if "films" not in entry.import_path
    and "screenplays" not in entry.import_path
    and entry.name != Ensemble.model
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    return Workspace(Project(root), RunStore(root / "runs"))


@pytest.fixture(scope="module")
def runs(workspace, dataset):
    """A run of each kind of classifier, by its default name."""
    config = TrainConfig(epochs=6, learning_rate=3e-3, chunk_dropout=0.0, monitor="val_loss")
    estimators = [
        NgramClassifier(),
        InterpolatedNgramClassifier(),
        NBSVM(),
        tiny_classifier(2),
        EncoderClassifier(
            n_layer=1, d_model=64, n_head=2, d_feedforward=128, bfloat16=False, train_config=config
        ),
    ]
    return {
        estimator.name: run(DocumentExperiment(estimator), dataset, workspace, progress=False)
        for estimator in estimators
    }


@pytest.mark.parametrize("entry", ESTIMATORS, ids=lambda entry: entry.name)
def test_default_settings_make_the_same_estimator(entry):
    settings = json.loads(json.dumps(entry.load()().config))
    estimator = make_estimator(settings)
    assert type(estimator) is entry.load()
    assert json.loads(json.dumps(estimator.config)) == settings


@pytest.mark.parametrize(
    "estimator",
    [
        ScratchClassifier(size="tiny", token_dropout=0.3, max_length=99),
        EncoderClassifier(pretrain=PRETRAIN_CONFIG, n_layer=2),
        FinetunedGenerative(tuning="full", window=64),
        ScratchGenerative(pretrain=PRETRAIN_CONFIG, size="tiny"),
    ],
)
def test_changed_settings_make_the_same_estimator(estimator):
    settings = json.loads(json.dumps(estimator.config))
    assert json.loads(json.dumps(make_estimator(settings).config)) == settings


@pytest.mark.parametrize(
    "name", ["ngram-bayes", "ngram-interpolated", "nb-svm", "scratch-tiny", "encoder"]
)
def test_a_loaded_classifier_predicts_the_same(workspace, runs, dataset, name):
    fitted = load_trained_run(workspace.project, runs[name])
    predicted = fitted.predict_proba(dataset.splits["test"].texts).argmax(1)
    stored = runs[name].predictions(DocumentPredictions).predicted
    np.testing.assert_array_equal(predicted, stored)


@pytest.mark.parametrize("name", ["ngram-bayes", "ngram-interpolated"])
def test_attributions_sum_to_the_log_likelihood_ratio(workspace, runs, name):
    fitted = load_trained_run(workspace.project, runs[name])
    table = attribute_tokens(fitted, TEXTS[0])
    assert table["token"].tolist() == ["the", "old", "violin", ""]
    likelihoods = fitted.log_likelihoods(TEXTS[:1])[0]
    first, second, _ = np.argsort(-fitted.predict_proba(TEXTS[:1])[0])
    expected = likelihoods[first] - likelihoods[second]
    assert table["attribution"].sum() == pytest.approx(expected, rel=1e-4)
    assert table["attribution"].idxmax() == 2, "the class word has the highest attribution"


def test_attributions_of_an_encoder_are_occlusion_differences(workspace, runs):
    fitted = load_trained_run(workspace.project, runs["encoder"])
    table = attribute_tokens(fitted, TEXTS[0])
    assert table["token"].tolist() == TEXTS[0].split()
    assert table["attention"].sum() == pytest.approx(1, abs=1e-5)
    whole, occluded = (fitted.predict_proba([t])[0] for t in (TEXTS[0], "the old unheardof"))
    first, second, _ = np.argsort(-whole)
    change = np.log(whole[first] / whole[second]) - np.log(occluded[first] / occluded[second])
    assert table["attribution"][2] == pytest.approx(change, rel=1e-3)


def test_bag_of_words_has_no_token_attribution(workspace, runs):
    fitted = load_trained_run(workspace.project, runs["nb-svm"])
    with pytest.raises(ParameterError, match="token attribution needs"):
        attribute_tokens(fitted, TEXTS[0])


@pytest.mark.parametrize("name", ["ngram-bayes", "encoder"])
def test_token_attribution_is_stored_as_a_run(workspace, runs, name):
    result = run(TokenAttribution(TEXTS[0]), runs[name], workspace)
    assert result.name == f"questions/{name}-s0-token-attribution"
    assert result.settings == {"text": TEXTS[0]}
    assert result.history["token"].tolist()[:3] == TEXTS[0].split()
    attribution_sum = result.metrics["attribution_sum"].value
    assert attribution_sum == pytest.approx(result.history["attribution"].sum(), abs=1e-5)
    assert ("attention_rank_correlation" in result.metrics) == (name == "encoder")
    assert result.config["predicted"] in runs[name].config["classes"]


def test_missing_weights_are_an_error(runs, tmp_path):
    with pytest.raises(RunError, match="are not on this computer"):
        load_trained_run(Project(tmp_path), runs["nb-svm"])


def test_an_ensemble_has_no_weights(workspace, runs):
    runs["nb-svm"].config["experiment"] = Ensemble.kind
    with pytest.raises(RunError, match="has no weights: it is a run of 'ensemble'"):
        load_trained_run(workspace.project, runs["nb-svm"])
