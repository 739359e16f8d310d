import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.training.planted_documents import planted_table
from wholescript.cli import app
from wholescript.data.labelled import read_labelled_dataset
from wholescript.errors import ParameterError, RunError
from wholescript.evaluation.token_attribution import attribute_tokens
from wholescript.experiments.documents.load import ESTIMATORS, load_trained_run, make_estimator
from wholescript.experiments.store import RunStore
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.studies.encoder.classifier import EncoderClassifier
from wholescript.studies.generative.class_lm import FinetunedGenerative, ScratchGenerative
from wholescript.training.pretrain import PRETRAIN_CONFIG

TEXTS = ["the old violin", "a harbour under the pier"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A tree in which models were trained by commands."""
    root = tmp_path_factory.mktemp("tree")
    table = planted_table(root / "questions.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        for command in (
            f"prepare {table}",
            "train generative questions",
            "train generative questions --model ngram-mixed",
            "train linear questions --kind nb-svm",
            "train scratch questions --size tiny --vocabulary 400 --epochs 2",
            "train encoder questions --epochs 4 --learning-rate 1e-3 --float32",
        ):
            done = CliRunner().invoke(app, command.split())
            assert done.exit_code == 0, done.output
    return root


def stored(root, name):
    return RunStore(root / "_build" / "texts").find(f"questions/{name}-s0")


@pytest.mark.parametrize("kind", ESTIMATORS.values(), ids=ESTIMATORS)
def test_a_configuration_makes_its_estimator(kind):
    config = json.loads(json.dumps(kind().config))
    again = make_estimator(config)
    assert type(again) is kind
    assert json.loads(json.dumps(again.config)) == config


@pytest.mark.parametrize(
    "estimator",
    [
        ScratchClassifier(size="tiny", token_dropout=0.3, max_length=99),
        EncoderClassifier(reading=PRETRAIN_CONFIG, n_layer=2),
        FinetunedGenerative(tuning="full", window=64),
        ScratchGenerative(reading=PRETRAIN_CONFIG, size="tiny"),
    ],
)
def test_what_was_changed_stays_changed(estimator):
    config = json.loads(json.dumps(estimator.config))
    assert json.loads(json.dumps(make_estimator(config).config)) == config


@pytest.mark.parametrize(
    "name", ["ngram-bayes", "ngram-mixed", "nb-svm", "scratch-tiny", "encoder"]
)
def test_read_back_it_says_what_it_said(root, name):
    run = stored(root, name)
    test = read_labelled_dataset(root / "_build" / "labelled" / "questions").splits["test"]
    found = load_trained_run(Project(root), run).predict_proba(test.texts)
    assert (found.argmax(1) == run.document_predictions.predicted).all()


@pytest.mark.parametrize("name", ["ngram-bayes", "ngram-mixed"])
def test_words_add_up_to_the_evidence_of_the_text(root, name):
    fitted = load_trained_run(Project(root), stored(root, name))
    table = attribute_tokens(fitted, TEXTS[0])
    assert table["word"].tolist() == ["the", "old", "violin", ""]
    likelihoods = fitted.log_likelihoods(TEXTS[:1])[0]
    first, second, _ = np.argsort(-fitted.predict_proba(TEXTS[:1])[0])
    expected = likelihoods[first] - likelihoods[second]
    assert table["evidence"].sum() == pytest.approx(expected, rel=1e-4)
    assert table["evidence"].idxmax() == 2, "the word that tells the class weighs most"


@pytest.mark.parametrize(
    ("name", "shown"), [("ngram-bayes", "violin +"), ("encoder", "violin +"), ("nb-svm", "%")]
)
def test_a_trained_model_can_be_asked(root, monkeypatch, name, shown):
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    done = CliRunner().invoke(app, ["classify", f"questions/{name}", *TEXTS])
    assert done.exit_code == 0, done.output
    assert shown in done.output
    assert sum(line.startswith(("0 ", "1 ", "2 ")) for line in done.output.splitlines()) == 2


def test_an_encoder_weighs_words_by_hiding_them(root):
    fitted = load_trained_run(Project(root), stored(root, "encoder"))
    table = attribute_tokens(fitted, TEXTS[0])
    assert table["word"].tolist() == TEXTS[0].split()
    assert table["attention"].sum() == pytest.approx(1, abs=1e-5)
    assert table["evidence"].idxmax() == 2
    whole, hidden = (fitted.predict_proba([t])[0] for t in (TEXTS[0], "the old unheardof"))
    first, second, _ = np.argsort(-whole)
    moved = np.log(whole[first] / whole[second]) - np.log(hidden[first] / hidden[second])
    assert table["evidence"][2] == pytest.approx(moved, rel=1e-3)


def test_a_model_of_single_counts_does_not_weigh_words(root):
    fitted = load_trained_run(Project(root), stored(root, "nb-svm"))
    with pytest.raises(ParameterError, match="language of each class"):
        attribute_tokens(fitted, TEXTS[0])


@pytest.mark.parametrize("name", ["ngram-bayes", "encoder"])
def test_what_words_are_worth_is_kept(root, monkeypatch, name):
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    done = CliRunner().invoke(app, ["classify", f"questions/{name}", TEXTS[0], "--keep"])
    assert done.exit_code == 0, done.output
    kept = RunStore(root / "_build" / "texts").find(f"questions/{name}-s0-words")
    assert kept.config["text"] == TEXTS[0]
    assert kept.history["word"].tolist()[:3] == TEXTS[0].split()
    assert kept.metrics["evidence"].value == pytest.approx(kept.history["evidence"].sum())
    assert ("agreement" in kept.metrics) == (name == "encoder")
    done = CliRunner().invoke(app, ["classify", f"questions/{name}", *TEXTS, "--keep"])
    assert "the words of one text, not of 2" in done.output


def test_weights_that_are_gone_are_an_error(root, tmp_path):
    run = stored(root, "nb-svm")
    with pytest.raises(RunError, match="are not here"):
        load_trained_run(Project(tmp_path), run)


def test_a_blend_has_no_weights(root):
    run = stored(root, "nb-svm")
    run.config["estimator"] = {"model": "Blend"}
    with pytest.raises(RunError, match="a Blend, which has no weights"):
        load_trained_run(Project(root), run)
