"""The commands of document classifiers, from a CSV file to a comparison."""

import pandas as pd
import pytest

from tests.experiments.documents.questions import write_table
from tests.shell import shell
from wholescript.data.delimited import read_delimited
from wholescript.project import ROOT_VARIABLE


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def call(root):
    """Run a command in `root`, assert its exit code, and return its output."""

    def call(*arguments, code=0):
        result = shell(arguments, env={ROOT_VARIABLE: str(root)})
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    table = write_table(root)
    assert "questions (3 classes)" in call("data", "prepare", table, "--keep-column", "crowd")
    return call


@pytest.fixture(scope="module")
def trained(call):
    """The output of two trainings."""
    scratch = ("train", "scratch", "questions", "--size", "tiny", "--vocab-size", 300)
    return [
        call("train", "naive-bayes", "questions"),
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
    output = call("evaluate", "questions/naive-bayes", "questions/scratch-tiny")
    assert "differences from questions/naive-bayes" in output
    assert (root / "_build" / "comparison" / "classifiers.html").exists()
    output = call("evaluate", "questions/scratch-tiny")
    assert "classes with the lowest F1" in output and "most confused class pairs" in output
    assert "no run is called 'questions/svm'" in call("evaluate", "questions/svm", code=2)


@pytest.mark.usefixtures("trained")
def test_classify_prints_the_most_probable_classes(call):
    output = call(
        "predict", "text", "questions/naive-bayes", "the old violin", "a harbour", "--top", 2
    )
    first, second = output.splitlines()
    assert first.startswith("music ") and second.startswith("sea ")
    assert first.count("%") == 2
    stored = ("predict", "text", "questions/naive-bayes", "one", "two", "--store-attribution")
    assert "stores the attributions of one text; 2 were given" in call(*stored, code=2)


@pytest.mark.usefixtures("trained")
def test_a_text_in_another_form_is_repaired_and_classified_the_same(call):
    def predict(text):
        return call("predict", "text", "questions/naive-bayes", text).splitlines()

    (expected,) = predict("the old violin, café")
    notes = {
        "the o\u00adld vio\u200blin, café": "invisible characters",
        "the old violin, cafe\u0301": "composed",
        "the old violin, cafÃ©": "'cafÃ©' became 'café'",
    }
    for text, note in notes.items():
        answer, repaired = predict(text)
        assert answer == expected and note in repaired
    assert "half characters" in predict("the old violin \udce9")[1]


@pytest.mark.usefixtures("trained")
def test_a_table_gets_labels(call, tmp_path):
    table = tmp_path / "new.csv"
    pd.DataFrame({"id": [7, 8], "text": ["the old violin", "a harbour"]}).to_csv(table, index=False)
    output = tmp_path / "labelled.parquet"
    printed = call("predict", "text", "questions/naive-bayes", "--table", table, "--output", output)
    assert f"wrote 2 rows to {output}" in printed
    labelled = pd.read_parquet(output)
    assert list(labelled["id"]) == ["7", "8"] and list(labelled["label"]) == ["music", "sea"]


def test_token_attributions_are_printed_and_stored(call):
    call("train", "ngram", "questions")
    output = call(
        "predict", "text", "questions/ngram-bayes", "the old violin", "--store-attribution"
    )
    assert "violin +" in output and "end " in output
    assert "stored questions/ngram-bayes-s0-token-attribution" in output


def test_label_errors_are_written_as_csv(call, tmp_path):
    path = tmp_path / "label_errors.csv"
    output = call("data", "label-errors", "questions", "--label-column", "crowd", "--output", path)
    assert "most likely label errors" in output and "average_precision" in output
    assert {"text", "flagged"} <= set(pd.read_csv(path).columns)


def test_data_set_that_is_not_prepared_is_an_error(call):
    told = call("train", "naive-bayes", "question", code=2)
    assert "no prepared data set is called 'question'" in told
    assert "did you mean 'questions'?" in told


@pytest.mark.usefixtures("trained")
def test_ensemble_without_a_common_seed_is_an_error(call):
    call("train", "nb-svm", "questions", "--seed", 7)
    runs = ("questions/naive-bayes", "questions/nb-svm")
    assert "have no seed in common" in call("train", "ensemble", *runs, code=2)


@pytest.mark.usefixtures("trained")
def test_a_table_is_classified(call, tmp_path):
    table = tmp_path / "new.csv"
    table.write_text("utterance,number\nthe old ferry saw,1\n,2\n", encoding="utf-8")
    predict = ("predict", "text", "questions/naive-bayes", "--table", table)
    output = call(*predict, "--output", tmp_path / "out.csv")
    assert "wrote 2 rows" in output
    rows = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "utterance,number,label,probability"
    assert rows[1].startswith("the old ferry saw,1,sea,") and rows[2] == ",2,,"
    assert "need each other" in call(*predict, code=2)
    assert "need each other" in call(*predict[:3], "--delimiter", ";", code=2)


@pytest.mark.usefixtures("trained")
def test_the_dialect_of_a_table_can_be_given(call, tmp_path):
    table, output = tmp_path / "new.csv", tmp_path / "out.csv"
    table.write_bytes('text:note\nthe old café:"a\nthe old ferry:b"\n'.encode("cp1252"))
    predict = ("predict", "text", "questions/naive-bayes", "--table", table, "--output", output)
    assert "not utf-8: line 2" in call(*predict, code=2)
    given = (*predict, "--encoding", "cp1252", "--delimiter", ":")
    assert "can be read in two ways" in call(*given, code=2)
    assert "wrote 2 rows" in call(*given, "--quoting", "none")


@pytest.mark.usefixtures("trained")
def test_carriage_returns_in_texts_are_written_so_that_they_are_read(call, tmp_path):
    table, output = tmp_path / "new.jsonl", tmp_path / "out.csv"
    table.write_text('{"text": "the old\\rferry", "label": "x"}\n', encoding="utf-8")
    call("predict", "text", "questions/naive-bayes", "--table", table, "--output", output)
    frame, _ = read_delimited(output.read_bytes().decode(), "out.csv", ",")
    assert frame["text"].tolist() == ["the old\rferry"]
