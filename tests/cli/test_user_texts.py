"""Names and texts of users reach terminal, table and figure as they were written."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.shell import Result, shell
from tests.user_texts import LOOKS_LIKE_MARKUP, OBEYED_BY_TERMINALS, words
from wholescript.cli import output
from wholescript.cli.output import echo, print_rows, print_table, warn
from wholescript.data.characters import repair_characters
from wholescript.data.labelled import read_labelled_dataset
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.plots.confusion import confusion
from wholescript.plots.text import as_drawn
from wholescript.printable import printable
from wholescript.project import ROOT_VARIABLE
from wholescript.publish import figures

WORDS = LOOKS_LIKE_MARKUP + OBEYED_BY_TERMINALS


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    both = capsys.readouterr()
    return both.out, both.err


@pytest.mark.parametrize("word", WORDS)
def test_messages_are_printed_as_they_are(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    echo(f"class {word}: 3")
    warn(f"error: {word}")
    shown = printable(word, keep="\n")
    assert printed(capsys) == (f"class {shown}: 3\n", f"error: {shown}\n")


@pytest.mark.parametrize("width", ["80", "12"])
@pytest.mark.parametrize("word", WORDS)
def test_tables_hold_words_as_they_are(
    word: str, width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    print_table(pd.DataFrame({word: [word], "f1": [0.5]}), f"{word}: classes")
    out, _ = printed(capsys)
    squeezed = re.sub(r"[\s│┃|]", "", out)
    # A list of values, in a narrow terminal, has no header of its first column.
    n_shown = 3 if width == "80" else 2
    assert squeezed.count(re.sub(r"[\s|]", "", printable(word))) >= n_shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x9b\u202e]", out)


def test_wide_letters_are_not_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_rows(["class", "f1"], [["映画 " * 9, "0.5"], ["short", "0.7"]])
    out, _ = printed(capsys)
    assert out.count("映画") == 9 and "…" not in out


def test_a_stream_that_lacks_the_letters_gets_escapes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wholescript", "data", "prepare", "一.csv"]
    environment = os.environ | {ROOT_VARIABLE: str(tmp_path), "PYTHONIOENCODING": "ascii"}
    (tmp_path / "一.csv").write_text(
        "text,label\n" + "".join(f"word {n},{'ab'[n % 2]}\n" for n in range(60)), encoding="utf-8"
    )
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert r"wrote \u4e00 (2 classes)" in done.stdout


def call(root: Path, *arguments: object) -> Result:
    return shell(arguments, env={ROOT_VARIABLE: str(root), "COLUMNS": "200"})


def write_films(folder: Path, names: list[str], word: str) -> Path:
    """Write a table of short texts of two classes; each text begins with `word`."""
    told = ("a warm and bright play", "a dull and cold picture")
    rows = [
        {"text": f"{word} {told[n % 2]} {'abcdefghij'[n % 10] * (2 + n // 10)}"}
        | {"label": names[n % 2]}
        for n in range(60)
    ]
    path = folder / "films.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["[/blue]", "[b u]x[/b u]"], "well [/i]"),
        (["$c^2$", r"$\sqrt{$"], "{0} %s"),
        (["\x1b[32mgo\x1b[0m", "a\nb"], "<script>alert(1)</script>"),
    ],
)
def test_classes_that_look_like_markup_are_trained_and_predicted(
    names: list[str], word: str, tmp_path: Path
) -> None:
    assert call(tmp_path, "data", "prepare", write_films(tmp_path, names, word)).exit_code == 0
    assert call(tmp_path, "train", "naive-bayes", "films").exit_code == 0
    predict = ("predict", "text", "films/naive-bayes", f"{word} dull cold", "--top", 1)
    predicted = call(tmp_path, *predict)
    assert predicted.exit_code == 0
    classes = [printable(repair_characters(name)) for name in names]
    assert predicted.stdout.startswith(f"{classes[1]} ")
    evaluated = call(tmp_path, "evaluate", "films/naive-bayes").stdout
    assert all(name in evaluated for name in classes)


@settings(max_examples=8, deadline=None)
@given(st.lists(words().filter(bool), min_size=2, max_size=2, unique=True), words())
def test_any_words_survive_preparation_training_prediction_table_and_figure(
    names: list[str], word: str
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = Path(folder)
        prepared = call(root, "data", "prepare", write_films(root, names, word))
        assert "Traceback" not in prepared.output
        assume(prepared.exit_code == 0)  # refused with one error, such as labels that are lists
        classes = read_labelled_dataset(root / "_build" / "labelled" / "films").classes
        assert {visible(repair_characters(name)) for name in names} == set(map(visible, classes))
        assert call(root, "train", "naive-bayes", "films").exit_code == 0
        line = call(root, "predict", "text", "films/naive-bayes", f"{word} a dull play").stdout
        assert all(f"{printable(name)} " in line for name in classes)
        check_terminal(classes)
        check_table(classes, patch)
        check_figure(classes)


def visible(name: str) -> str:
    """Return the letters of a name: its Unicode form and invisible characters may change."""
    letters = unicodedata.normalize("NFC", name)
    return "".join(c for c in letters if unicodedata.category(c)[0] not in "CZ")


def check_terminal(classes: list[str]) -> None:
    with output.out.capture() as captured:
        print_rows(["class"], [[name] for name in classes], classes[0])
    squeezed = re.sub(r"[\s│┃|]", "", captured.get())
    for name in classes:
        assert re.sub(r"[\s│┃|]", "", printable(name)) in squeezed


def check_table(classes: list[str], patch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    patch.setattr(figures, "display", lambda data, **_: shown.append(data))
    patch.setattr(figures, "current_notebook", lambda: None)
    patch.setattr(figures, "write_output", lambda *_: None)
    figures.show_table(pd.DataFrame({"class": classes}), "tbl-classes")
    cells = BeautifulSoup(shown[0]["text/html"], "html.parser").find_all("td")
    shown_names = [cell.get_text().replace("\xa0", " ") for cell in cells]  # pandas keeps spaces so
    assert shown_names == [printable(name).replace("\xa0", " ") for name in classes]


def check_figure(classes: list[str]) -> None:
    scores = np.array([[0.9, 0.1], [0.3, 0.7]], np.float32)
    predictions = DocumentPredictions.from_probabilities(
        ["1", "2"], classes, np.array([0, 1]), scores
    )
    figure = confusion({classes[0]: [predictions]})
    figure.canvas.draw()
    (legend,) = figure.legends
    shown = [as_drawn(text.get_text()) for text in legend.get_texts()]
    assert list(map(visible, shown)) == list(map(visible, map(printable, classes)))
    plt.close(figure)
