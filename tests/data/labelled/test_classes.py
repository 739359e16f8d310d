from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from wholescript.data.labelled.classes import LabelledTables, encode_labels, select_classes
from wholescript.data.labelled.sources import DATASETS, LabelledSource, RegisteredDataset
from wholescript.data.tables import Table
from wholescript.errors import DataError

Make = Callable[..., pd.DataFrame]


def source(
    registered: RegisteredDataset | None = None, **splits: Table | pd.DataFrame
) -> LabelledSource:
    tables = {n: t if isinstance(t, Table) else Table(t) for n, t in splits.items()}
    return LabelledSource("own", "own", tables, registered=registered)


def labels(labelled: LabelledTables, split: str = "train") -> list[int]:
    return labelled.splits[split]["label"].tolist()


def table(*values: object, **columns: list[object]) -> pd.DataFrame:
    rows = {"text": [f"text {i}" for i in range(len(values))], "label": list(values)}
    return pd.DataFrame({**rows, **columns})


def test_string_labels_are_in_alphabetical_order(questions: Make) -> None:
    found = encode_labels(source(train=questions(6), test=questions(3)))
    assert found.classes == ["distance", "person", "time"]
    assert labels(found) == [0, 1, 2, 0, 1, 2]
    assert found.splits["train"]["label"].dtype == np.int64
    assert found.splits["test"]["id"].tolist() == ["test-0", "test-1", "test-2"]
    assert (found.text_column, found.label_column) == ("text", "label")


@pytest.mark.parametrize("values", [[10, 2, -1], ["10", "2", " -1 "], [10.0, 2.0, -1.0]])
def test_integer_labels_are_in_numerical_order(values: list[object]) -> None:
    found = encode_labels(source(train=table(*values)))
    assert found.classes == ["-1", "2", "10"] and labels(found) == [2, 1, 0]


def test_integers_mixed_with_strings_are_strings() -> None:
    found = encode_labels(source(train=table("10", "2"), test=table("none", "2")))
    assert found.classes == ["10", "2", "none"]
    assert labels(found) == [0, 1] and labels(found, "test") == [2, 1]
    assert encode_labels(source(train=table("01", "1"))).classes == ["01", "1"]
    assert encode_labels(source(train=table(True, False))).classes == ["False", "True"]


def test_class_names_from_a_column() -> None:
    train = table(7, 3, 7, label_text=["seven", "three", "seven"])
    test = table("3", "7", label_text=["three", "seven"])
    for part in (train, train.astype(str)):
        found = encode_labels(source(train=part, test=test))
        assert found.classes == ["three", "seven"]
        assert labels(found) == [1, 0, 1] and labels(found, "test") == [0, 1]
    with pytest.raises(DataError, match=r"label 7 is named 'seven' and 'VII'.*'label_text'"):
        encode_labels(source(train=train, test=table(7, label_text=["VII"])))
    with pytest.raises(DataError, match=r"more than one label is named same"):
        encode_labels(source(train=table(1, 2, label_text=["same", "same"])))


def test_class_names_of_the_hub_and_of_a_registered_data_set() -> None:
    stored = Table(table(1, 0, 1), {"label": ["low", "high", "never used"]})
    assert encode_labels(source(train=stored)).classes == ["low", "high"]
    imdb = DATASETS["imdb"]
    assert encode_labels(source(imdb, train=table(1, 0))).classes == ["negative", "positive"]
    # The registered names are those of the registered label column only.
    rated = table(1, 0, rating=[9, 2])
    assert encode_labels(source(imdb, train=rated), label_column="rating").classes == ["2", "9"]


def test_unpublished_hub_labels_are_missing() -> None:
    names = {"label": ["low", "high"]}
    unpublished = source(train=Table(table(0, 1), names), test=Table(table(-1, -1), names))
    with pytest.raises(DataError, match=r"2 of the 2 texts of test have no label"):
        encode_labels(unpublished)
    # Without names -1 is a class like any other.
    assert encode_labels(source(train=table(-1, 1))).classes == ["-1", "1"]


@pytest.mark.parametrize("columns", [("Question", "Category"), ("sentence", "intent")])
def test_columns_are_guessed_by_name(questions: Make, columns: tuple[str, str]) -> None:
    renamed = questions(3).set_axis(list(columns), axis=1)
    found = encode_labels(source(train=renamed))
    assert (found.text_column, found.label_column) == columns


def test_columns_that_cannot_be_guessed_must_be_given(questions: Make) -> None:
    odd = questions(3).set_axis(["a", "b"], axis=1)
    with pytest.raises(
        DataError, match=r"the text column cannot be guessed; there are a, b.*--text-col"
    ):
        encode_labels(source(train=odd))
    with pytest.raises(DataError, match=r"the label column cannot be guessed.*--label-column"):
        encode_labels(source(train=odd), text_column="a")
    assert len(encode_labels(source(train=odd), "a", "b").classes) == 3


def test_missing_column_suggests_the_nearest(questions: Make) -> None:
    with pytest.raises(DataError, match=r"test of own has no column 'label'.*mean 'labels'"):
        encode_labels(
            source(train=questions(3), test=questions(3).rename(columns={"label": "labels"}))
        )
    with pytest.raises(DataError, match=r"train of own has no column 'txt'.*mean 'text'"):
        encode_labels(source(train=questions(3)), text_column="txt")


def test_unsupervised_texts_need_no_label(questions: Make) -> None:
    found = encode_labels(source(train=questions(3), unsupervised=questions(2)[["text"]]))
    assert list(found.splits["unsupervised"]) == ["id", "text"]


def test_text_without_label_is_an_error() -> None:
    for missing in (None, "", " ", float("nan")):
        with pytest.raises(DataError, match=r"1 of the 3 texts of train have no label.*row 1\."):
            encode_labels(source(train=table("a", missing, "b")))


@pytest.mark.parametrize("value", [0.5, float("inf")])
def test_invalid_label_is_an_error(value: object) -> None:
    with pytest.raises(DataError, match=r"'label' of train has the value .* in row 1: a class is"):
        encode_labels(source(train=table(1, value)))


def test_numeric_text_is_an_error(questions: Make) -> None:
    with pytest.raises(DataError, match=r"'text' of train is not text: row 0 is 5"):
        encode_labels(source(train=questions(3).assign(text=[5, 6, 7])))


def test_missing_text_is_empty(questions: Make) -> None:
    found = encode_labels(source(train=questions(3).assign(text=["a", None, float("nan")])))
    assert found.splits["train"]["text"].tolist() == ["a", "", ""]


def test_kept_columns_of_classes_and_of_numbers() -> None:
    train = table("b", "a", crowd=["a", "a"], rating=["3", "10"])
    found = encode_labels(
        source(train=train, test=table("a", "b")), keep_columns=("crowd", "rating")
    )
    assert found.kept_columns == {"crowd": "class", "rating": "number"}
    assert found.splits["train"][["label", "crowd", "rating"]].values.tolist() == [
        [1, 0, 3],
        [0, 0, 10],
    ]
    assert "crowd" not in found.splits["test"]
    numeric = table(4, 7, crowd=[7, 7], by_name=["four", "seven"], label_text=["four", "seven"])
    found = encode_labels(source(train=numeric), keep_columns=("crowd", "by_name"))
    assert found.kept_columns == {"crowd": "class", "by_name": "class"}
    assert found.splits["train"]["crowd"].tolist() == [1, 1]
    assert found.splits["train"]["by_name"].tolist() == [0, 1]


@pytest.mark.parametrize("values", [["a", "c"], ["a", None]])
def test_column_that_cannot_be_kept_is_an_error(values: list[object]) -> None:
    with pytest.raises(DataError, match=r"'crowd' cannot be kept: ('c'|None) is neither"):
        encode_labels(source(train=table("a", "b", crowd=values)), keep_columns=("crowd",))
    with pytest.raises(DataError, match=r"no column 'crwd'.*mean 'crowd'"):
        encode_labels(source(train=table("a", "b", crowd=values)), keep_columns=("crwd",))


@pytest.mark.parametrize(
    "labels",
    [
        [["billing"], ["billing", "refund"]],
        ["['billing']", "['billing', 'refund']"],
        ["billing", "billing; refund", "refund"],
        ["billing|refund", "refund|card", "card|billing"],
        ["billing, refund", "billing", "refund"],
    ],
)
def test_several_labels_in_a_cell_are_out_of_scope(labels):
    frame = pd.DataFrame({"text": list("abcde")[: len(labels)], "label": labels})
    with pytest.raises(DataError, match=r"multi-label classification\) are out of scope"):
        encode_labels(source(train=frame))


def test_names_with_separators_are_classes():
    names = ["Politics, US", "Sports, US", "Sci/Tech", "cash; card"]
    frame = pd.DataFrame({"text": list("abcd"), "label": names})
    assert encode_labels(source(train=frame)).classes == sorted(names)


def test_names_in_brackets_are_classes_unless_they_are_lists() -> None:
    names = ["[/i]", "[b u]", "[i]x[/i]", "[spam]", "[link=a]"]
    frame = pd.DataFrame({"text": list("abcde"), "label": names})
    assert encode_labels(source(train=frame)).classes == sorted(names)
    for of_list in ("[1 2]", "[a, b]", "['a']", '["a"]', "[]"):
        frame = pd.DataFrame({"text": ["a", "b"], "label": [of_list, "other"]})
        with pytest.raises(DataError, match="look like several labels"):
            encode_labels(source(train=frame))


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (["title", "body", "label"], "body"),
        (["Subject", " Message ", "label"], " Message "),
        (["review", "text", "label"], "text"),
        (["headline", "day", "label"], "headline"),
    ],
)
def test_a_title_is_the_text_only_if_there_is_no_other(columns: list[str], chosen: str) -> None:
    frame = pd.DataFrame([["a b", "c d", "x"], ["e f", "g h", "y"]], columns=columns)
    assert encode_labels(source(train=frame)).text_column == chosen


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        (["question", "review", "label"], ["a", "b", "x"], r"columns 'question', 'review'"),
        (["Text", "text", "label"], ["a", "b", "x"], r"columns 'Text', 'text'.*column Text or"),
        (["text", "text.1", "label"], ["a", "b", "x"], r"--text-column text\.1"),
        (["text", "text", "label"], ["a", "b", "x"], r"columns 'text', 'text'"),
        (["text", "topic", "intent"], ["a", "x", "y"], r"label may be in.*--label-column intent"),
        (
            ["title", "my story", "label"],
            ["one", "a story of five words", "x"],
            r"may be in 'title' \(1 words\) or 'my story' \(5 words\).*--text-column 'my story'",
        ),
    ],
)
def test_equally_likely_columns_are_asked_about(
    columns: list[str], rows: list[str], message: str
) -> None:
    frame = pd.DataFrame([rows, rows], columns=columns)
    with pytest.raises(DataError, match=message):
        encode_labels(source(train=frame))


def test_a_column_that_is_there_twice_cannot_be_chosen() -> None:
    frame = pd.DataFrame([["a", "b", "x"], ["c", "d", "y"]], columns=["text", "text", "label"])
    with pytest.raises(DataError, match=r"train of own has 2 columns 'text': rename"):
        encode_labels(source(train=frame), "text", "label")


@pytest.mark.parametrize(
    ("train", "test", "classes", "merged"),
    [
        (["0", "1", "1"], ["0.0", "1.0"], ["0", "1"], {"0": {"0": 1, "0.0": 1}}),
        (
            ["TRUE", "false", "true"],
            [True, False, True],
            ["False", "True"],
            {"False": {"false": 1}},
        ),
        (
            ["Spam", "spam", "spam", "ham"],
            [" spam", "ham"],
            ["ham", "spam"],
            {"spam": {" spam": 1}},
        ),
        (["card lost", "Card  lost", "Card  lost", "no"], ["no"], ["Card lost", "no"], {}),
        (["a", "b "], ["a", "b "], ["a", "b"], None),
        (["1.0", "2.0"], ["1.0", "2.0"], ["1.0", "2.0"], None),
        (["1", "01"], ["1", "01"], ["01", "1"], None),
    ],
)
def test_one_class_in_several_spellings(
    train: list[object],
    test: list[object],
    classes: list[str],
    merged: dict[str, dict[str, int]] | None,
) -> None:
    found = encode_labels(source(train=table(*train), test=table(*test)))
    assert found.classes == classes
    assert bool(found.merged_labels) == (merged is not None)
    for name, spellings in (merged or {}).items():
        assert spellings.items() <= dict(found.merged_labels[name]).items()


LOOK_ALIKE = ["naïf", "nai\u0308f", "naÃ¯f", "na\u00adïf", "Naïf\u200b", "o\ufb00", "off"]


def test_labels_that_look_alike_are_one_class_and_are_told() -> None:
    found = encode_labels(source(train=table(*LOOK_ALIKE, "\ufeffnaïf"), test=table("off", "naïf")))
    assert found.classes == ["naïf", "off"]
    assert labels(found) == [0, 0, 0, 0, 0, 1, 1, 0] and labels(found, "test") == [1, 0]
    assert dict(found.merged_labels["off"]) == {"off": 2, "o\ufb00": 1}
    assert set(found.merged_labels["naïf"]) == {*LOOK_ALIKE[:5], "\ufeffnaïf"}


def test_a_label_that_is_written_in_one_wrong_way_is_repaired_and_told() -> None:
    found = encode_labels(source(train=table("naÃ¯f", "off")))
    assert found.classes == ["naïf", "off"]
    assert found.merged_labels == {"naïf": {"naÃ¯f": 1}}
    chosen = select_classes(found, ["nai\u0308f", "off"])
    assert chosen.classes == ["naïf", "off"]
    with pytest.raises(DataError, match="1 of the 2 texts of train have no label"):
        encode_labels(source(train=table("\u200b", "off")))


def test_names_and_kept_columns_are_repaired_as_labels_are() -> None:
    train = table(*LOOK_ALIKE, second=["OFF", "OFF", "nai\u0308f", "o\ufb00", "OFF", "OFF", "naïf"])
    found = encode_labels(source(train=train), keep_columns=["second"])
    assert found.kept_columns == {"second": "class"}
    assert found.splits["train"]["second"].tolist() == [1, 1, 0, 1, 1, 1, 0]
    named = table(0, 0, 1, label_text=["nai\u0308f", "naïf", "o\ufb00"])
    assert encode_labels(source(train=named)).classes == ["naïf", "off"]
    hub = Table(table(0, 1), class_names={"label": ["nai\u0308f", "o\ufb00"]})
    assert encode_labels(source(train=hub)).classes == ["naïf", "off"]


def test_registered_data_sets_keep_their_classes() -> None:
    registered = RegisteredDataset("Own", "own/own", "0" * 40)
    found = encode_labels(source(registered, train=table("naÃ¯f", "naïf", "off", "off\u200b")))
    assert found.classes == ["naÃ¯f", "naïf", "off", "off\u200b"]
    assert found.merged_labels == {}


def test_a_first_row_that_stands_for_the_names_is_not_lost() -> None:
    sentence = "a kite that flew over the old harbour"
    moods = ["glad", "low", "glad", "low"]
    rows = pd.DataFrame({sentence: ["one", "two", "six", "ten"], "glad": moods})
    with pytest.raises(DataError, match=r"first line seems to be a row.*'a kite.*'glad'.*Add a l"):
        encode_labels(source(train=rows))
    for text, label in ((sentence, "glad"), ("one", "glad"), (sentence, "mood")):
        named = rows.set_axis([text, label], axis=1)
        with pytest.raises(DataError, match=r"first line seems to be a row.*Add a line of column"):
            encode_labels(source(train=named), text, label)
    # A name that is also a value is a name if another column has a known one.
    labelled = encode_labels(source(train=rows.set_axis(["text", "glad"], axis=1)), None, "glad")
    assert labelled.classes == ["glad", "low"]


def test_a_wrong_name_of_a_column_is_mended_in_the_option() -> None:
    rows = table("a", "b")
    for text, label, option in (("txt", None, "--text-column text"), (None, "lable", "--label-c")):
        with pytest.raises(DataError, match=option):
            encode_labels(source(train=rows), text, label)
    with pytest.raises(DataError, match=r"test of own has no column 'label'.*named unsupervised"):
        encode_labels(source(train=rows, test=rows[["text"]]))
