"""The commands of document classifiers, from a CSV file to a comparison."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.experiments.documents.questions import write_table
from wholescript.cli import app
from wholescript.project import ROOT_VARIABLE


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def call(root):
    """Run a command in `root`, assert its exit code, and return its output."""

    def call(*arguments, code=0):
        env = {ROOT_VARIABLE: str(root), "COLUMNS": "200"}
        result = CliRunner().invoke(app, [*map(str, arguments)], env=env)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    table = write_table(root)
    assert "questions (3 classes)" in call("prepare", table, "--keep-column", "crowd")
    return call


@pytest.fixture(scope="module")
def trained(call):
    """The output of two trainings."""
    scratch = ("train", "scratch", "questions", "--size", "tiny", "--vocab-size", 300)
    return [
        call("train", "sklearn", "questions", "--model", "naive-bayes"),
        call(*scratch, "--epochs", 2, "--seed", 0, "--seed", 1),
    ]


def test_training_prints_metrics_and_epochs(trained):
    sklearn, scratch = trained
    assert "questions/naive-bayes-s0: accuracy" in sklearn
    assert "val macro f1" in scratch
    assert "questions/scratch-tiny-s0: accuracy" in scratch
    assert "questions/scratch-tiny-s1: accuracy" in scratch


@pytest.mark.usefixtures("trained")
def test_runs_are_compared_and_evaluated(call, root):
    output = call("compare", "questions/naive-bayes", "questions/scratch-tiny")
    assert "differences from questions/naive-bayes" in output
    assert (root / "_build" / "comparison" / "classifiers.html").exists()
    output = call("evaluate", "questions/scratch-tiny")
    assert "classes with the lowest F1" in output and "most confused class pairs" in output
    assert "no run is called 'questions/svm'" in call("evaluate", "questions/svm", code=2)


@pytest.mark.usefixtures("trained")
def test_classify_prints_the_most_probable_classes(call):
    output = call("classify", "questions/naive-bayes", "the old violin", "a harbour", "--top", 2)
    first, second = output.splitlines()
    assert first.startswith("music ") and second.startswith("sea ")
    assert first.count("%") == 2
    stored = ("classify", "questions/naive-bayes", "one", "two", "--store-attribution")
    assert "stores the attributions of one text; 2 were given" in call(*stored, code=2)


def test_token_attributions_are_printed_and_stored(call):
    call("train", "generative", "questions")
    output = call("classify", "questions/ngram-bayes", "the old violin", "--store-attribution")
    assert "violin +" in output and "end " in output
    assert "stored questions/ngram-bayes-s0-token-attribution" in output


def test_label_errors_are_written_as_csv(call, tmp_path):
    path = tmp_path / "label_errors.csv"
    output = call("label-errors", "questions", "--label-column", "crowd", "--output", path)
    assert "most likely label errors" in output and "average_precision" in output
    assert {"text", "flagged"} <= set(pd.read_csv(path).columns)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train sklearn answers", "has no prepared data set"),
        ("train scratch questions --size huge", "size='huge' is none of tiny"),
        ("train scratch questions --patience 0", "--patience 0: must be at least 1"),
        ("train sklearn questions --n-synthetic 9", "--synthetic FOLDER and --n-synthetic NUMBER"),
        ("train generative questions --epochs 3", "--model ngram does not use --epochs: remove"),
        (
            "train generative questions --model ngram-interpolated --vocab-size 300",
            "--model ngram-interpolated does not use --vocab-size",
        ),
        (
            "train generative questions --model tiny --prompt x --lora-rank 2",
            "--model tiny does not use --lora-rank, --prompt",
        ),
        (
            "train generative questions --model smollm2 --single-window --keep-layers 16",
            "--model smollm2 does not use --single-window, --keep-layers",
        ),
        (
            "train generative questions --model smollm2 --shared-layers 20 --prompt x",
            "--model smollm2 with --shared-layers does not use --prompt",
        ),
        ("train generative questions --model tiny --batch-size 0", "batch_size=0 at least 1"),
        (
            "train encoder questions --published-config --token-dropout 0.3",
            "--published-config sets --token-dropout: remove the option",
        ),
    ],
)
def test_invalid_options_are_errors(call, command, message):
    assert message in call(*command.split(), code=2)


@pytest.mark.usefixtures("trained")
def test_ensemble_without_a_common_seed_is_an_error(call):
    call("train", "sklearn", "questions", "--model", "nb-svm", "--seed", 7)
    runs = ("questions/naive-bayes", "questions/nb-svm")
    assert "have no seed in common" in call("train", "ensemble", *runs, code=2)
