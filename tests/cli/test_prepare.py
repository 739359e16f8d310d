import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.shell import shell
from wholescript.data.labelled import read_labelled_dataset
from wholescript.project import ROOT_VARIABLE

Make = Callable[..., pd.DataFrame]
Save = Callable[..., Path]


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))


def test_local_csv_is_prepared(questions: Make, save: Save, tmp_path: Path) -> None:
    table = questions(300)
    table.loc[0, "text"] = "a cafÃ© on the corner"
    result = shell(["data", "prepare", str(save(table, "trec.csv"))])
    assert result.exit_code == 0, result.output
    found = read_labelled_dataset(tmp_path / "_build" / "labelled" / "trec")
    assert [len(found.splits[s]) for s in ("train", "validation", "test")] == [216, 24, 60]
    assert "characters repaired" in result.stdout and "216" in result.stdout
    assert found.fingerprint[:12] in result.stdout
    assert "texts from the column 'text', labels from 'label'" in result.stdout
    assert "train from trec.csv; test drawn, 20% of train; validation drawn" in result.stdout


def test_leakage_between_given_files_is_told(questions: Make, save: Save, tmp_path: Path) -> None:
    save(questions(90), "in/train.csv")
    copies = questions(3).assign(text=lambda table: table["text"].str.rstrip("?") + " !")
    save(pd.concat([questions(30, first=90), copies]), "in/test.csv")
    save(questions(3), "in/extra.csv")
    arguments = ["data", "prepare", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    result = shell(arguments)
    assert result.exit_code == 0, result.output
    assert "leakage: 3 of the 33 texts of test are near duplicates" in result.stdout
    assert "left out: extra.csv; to use one, save it as train" in result.stdout
    assert "leakage: " not in shell([*arguments, "--near-duplicates", "ignore"]).stdout


def test_all_options_are_applied(questions: Make, save: Save, tmp_path: Path) -> None:
    table = questions(300).assign(crowd="time").rename(columns={"text": "a", "label": "b"})
    save(table, "copy/train.csv")
    options = (
        "--text-column a --label-column b --keep-column crowd --limit 60 --head 200 --seed 4 "
        "--name named --validation-share 0.25 --drop-conflicts"
    )
    places = ["--path", str(tmp_path / "copy"), "-o", str(tmp_path / "out")]
    result = shell(["data", "prepare", "mine", *places, *options.split()])
    assert result.exit_code == 0, result.output
    found = read_labelled_dataset(tmp_path / "out")
    assert found.name == "named" and found.metadata["seed"] == 4
    assert [len(found.splits[s]) for s in ("train", "validation", "test")] == [60, 40, 40]
    assert found.metadata["choices"] == {
        "head": 200,
        "limit": 60,
        "drop_conflicts": True,
        "drawn": {"test": 0.2, "validation": 0.25},
    }
    assert set(found.splits["train"].extra_columns) == {"crowd"}


def test_errors_are_printed_without_traceback(questions: Make, save: Save) -> None:
    path = save(questions(300).sort_values("label"))
    for arguments, message in [
        ([str(path), "--head", "100"], "sorted by label"),
        (["bankng77"], "did you mean 'banking77'?"),
        ([str(path), "--label-column", "lable"], "Did you mean 'label'?"),
        ([str(path), "--name", "../up"], "is not valid as a folder name"),
    ]:
        result = shell(["data", "prepare", *arguments])
        assert result.exit_code == 2
        assert message in result.stderr and "Traceback" not in result.output


def test_what_is_no_single_file_is_named(questions: Make, save: Save, tmp_path: Path) -> None:
    path = save(questions(30), "birds.csv")
    for arguments, message in (
        (["data", "prepare", f"{tmp_path}/bi*.csv"], "birds.csv: give one file, or a folder"),
        (["data", "prepare", "-"], "standard input is not read: give a file"),
        (["train", "tfidf-svm", str(path)], f"`wholescript data prepare {path}`"),
        (["predict", "text", "birds/nb", "-7 points"], "put -- before .* hyphen: -- '-7 points'"),
    ):
        result = shell(arguments)
        assert result.exit_code == 2
        assert re.search(message, result.output), result.output
