import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wholescript.data.datasets import RegisteredDataset
from wholescript.data.labelled import (
    load_source,
    prepare,
    read_labelled_dataset,
    tell_preparation,
)
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of

Make = Callable[..., pd.DataFrame]
Save = Callable[..., Path]
TEXT_AND_LABEL = RegisteredDataset("Questions", "someone/questions", "main")


@pytest.fixture
def published(questions: Make, save: Save, tmp_path: Path) -> Path:
    """A folder with 300 train texts, sorted by label, and 60 test texts."""
    save(questions(300).sort_values("label"), "in/train.csv")
    save(questions(60, first=300), "in/test.csv")
    return tmp_path / "in"


def run(path: Path, **options: Any) -> dict[str, Any]:
    return prepare(load_source(str(path)), path.parent / "out", progress=False, **options)


def rows(folder: Path, split: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


def test_published_splits_are_kept_and_validation_is_drawn(published: Path, tmp_path: Path) -> None:
    metadata = run(published)
    train, validation, test = (rows(tmp_path / "out", s) for s in ("train", "validation", "test"))
    assert (len(train), len(validation), len(test)) == (270, 30, 60)
    assert metadata["splits"]["validation"]["classes"] == {"distance": 10, "person": 10, "time": 10}
    assert not {row["text"] for row in train} & {row["text"] for row in validation}
    assert {row["id"] for row in train + validation} == {f"train-{n}" for n in range(300)}
    assert [row["id"] for row in test] == [f"test-{n}" for n in range(60)]
    before = pd.read_csv(published / "train.csv")
    for row in train:
        was = before.iloc[int(row["id"].split("-")[1])]
        assert (row["text"], metadata["classes"][row["label"]]) == (was["text"], was["label"])


def test_head_of_train_is_a_fair_sample(published: Path, tmp_path: Path) -> None:
    run(published)
    head = [row["label"] for row in rows(tmp_path / "out", "train")[:60]]
    assert min(np.bincount(head, minlength=3)) >= 10


def test_single_file_is_split_in_three(questions: Make, save: Save, tmp_path: Path) -> None:
    metadata = run(save(questions(300)))
    counts = {name: facts["count"] for name, facts in metadata["splits"].items()}
    assert counts == {"train": 216, "validation": 24, "test": 60}
    assert metadata["choices"]["drawn"] == {"test": 0.2, "validation": 0.1}
    texts = [row["text"] for split in counts for row in rows(tmp_path / "out", split)]
    assert sorted(texts) == sorted(questions(300)["text"])


def test_block_split_keeps_blocks_together(published: Path, tmp_path: Path) -> None:
    metadata = run(published, holdout_block_size=5)
    sides = {
        split: {int(row["id"].split("-")[1]) // 5 for row in rows(tmp_path / "out", split)}
        for split in ("train", "validation")
    }
    assert not sides["train"] & sides["validation"]
    drawn = metadata["splits"]["validation"]
    assert drawn["count"] == 30 and set(drawn["classes"].values()) == {10}
    assert metadata["choices"]["together"] == 5
    assert "together" not in run(published)["choices"]
    single = {
        split: {int(row["id"].split("-")[1]) // 5 for row in rows(tmp_path / "out", split)}
        for split in ("train", "validation")
    }
    assert single["train"] & single["validation"]


def test_blocks_that_cannot_be_drawn_are_an_error(published: Path) -> None:
    with pytest.raises(DataError, match="3 blocks of 100 rows"):
        run(published, holdout_block_size=100)
    with pytest.raises(ParameterError, match="holdout_block_size=0"):
        run(published, holdout_block_size=0)
    with pytest.raises(ParameterError, match="at most"):
        run(published, holdout_block_size=5, validation_share=0.6)


def test_published_validation_is_kept(questions: Make, published: Path, save: Save) -> None:
    save(questions(30, first=360), "in/dev.csv")
    metadata = run(published)
    assert [metadata["splits"][s]["count"] for s in ("train", "validation")] == [300, 30]
    assert metadata["choices"]["drawn"] == {}


def test_the_same_input_gives_the_same_bytes(published: Path, tmp_path: Path) -> None:
    first = run(published)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run(published) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    other = run(published, seed=1)
    assert other["fingerprint"] != first["fingerprint"]
    assert other["splits"]["test"] == first["splits"]["test"]
    assert other["splits"]["train"]["sha256"] != first["splits"]["train"]["sha256"]


def test_limit_does_not_change_the_other_splits(published: Path, tmp_path: Path) -> None:
    whole = run(published)
    limited = run(published, limit=30)
    assert limited["splits"]["train"]["classes"] == {"distance": 10, "person": 10, "time": 10}
    assert limited["cleaning"]["train"]["beyond_limit"] == 240
    for split in ("validation", "test"):
        assert limited["splits"][split] == whole["splits"][split]
    assert run(published, limit=1000)["splits"] == whole["splits"]
    # The one text that is left out is fewer than there are classes.
    assert run(published, limit=269)["splits"]["train"]["count"] == 269
    with pytest.raises(ParameterError, match=r"limit is 2 for 3 classes"):
        run(published, limit=2)


def test_head_is_used_unless_the_file_is_label_sorted(
    questions: Make, save: Save, published: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"the first 100 of 300.*100% of the class 'distance'"):
        run(published, head=100)
    save(questions(300), "in/train.csv")
    metadata = run(published, head=90)
    assert metadata["cleaning"]["train"]["read"] == 90
    found = rows(tmp_path / "out", "train") + rows(tmp_path / "out", "validation")
    assert {row["id"] for row in found} == {f"train-{n}" for n in range(90)}


def test_counts_of_train_add_up(questions: Make, save: Save, published: Path) -> None:
    train, test = questions(300), questions(60, first=300)
    extra = pd.concat(
        [
            train.head(4),  # repeated
            train.head(2).assign(label="time"),  # conflicting
            test.head(5).assign(text=test["text"].str.upper()),  # in test
            pd.DataFrame({"text": ["", " "], "label": ["time", "person"]}),
        ]
    )
    save(pd.concat([train, extra]), "in/train.csv")
    metadata = run(published)
    counts = metadata["cleaning"]["train"]
    assert (counts["read"], counts["empty"], counts["repeated"]) == (313, 2, 4)
    assert (counts["conflicting"], counts["in_test"]) == (2, 5)
    assert metadata["splits"]["train"]["count"] == (
        313 - 2 - 4 - 5 - counts["to_validation"] - counts["in_validation"]
    )
    assert metadata["splits"]["test"]["count"] == 60


def test_text_with_two_labels_is_in_one_split_only(
    questions: Make, save: Save, tmp_path: Path
) -> None:
    table = pd.concat([questions(150), questions(150).assign(label="other")])
    metadata = run(save(table), test_share=0.4, validation_share=0.4)
    parts = [
        {row["text"] for row in rows(tmp_path / "out", s)} for s in ("train", "validation", "test")
    ]
    assert not parts[0] & parts[1] and not parts[0] & parts[2]
    assert metadata["cleaning"]["train"]["in_test"] == 0  # both copies are drawn, or none
    alone = run(save(table), test_share=0.4, validation_share=0.4, near_duplicates="ignore")
    assert alone["cleaning"]["train"]["in_test"] > 0
    assert alone["cleaning"]["train"]["in_validation"] > 0
    assert "near_duplicates" not in alone["report"]


def test_unsupervised_texts_do_not_overlap_test(
    questions: Make, save: Save, published: Path, tmp_path: Path
) -> None:
    texts = questions(40, first=290)[["text"]]  # 10 of train, 30 of test
    save(pd.concat([texts, pd.DataFrame({"text": ["Nobody asked this."]})]), "in/unsupervised.csv")
    metadata = run(published)
    found = rows(tmp_path / "out", "unsupervised")
    assert set(found[0]) == {"id", "text"}
    shared = metadata["cleaning"]["unsupervised"]
    assert shared["in_test"] == 30 and len(found) == 11 - shared["in_validation"]
    assert "classes" not in metadata["splits"]["unsupervised"]
    save(texts.tail(30), "in/unsupervised.csv")
    assert "unsupervised" not in run(published)["splits"]
    assert not (tmp_path / "out" / "unsupervised.jsonl").exists()


def test_kept_columns_are_written(questions: Make, save: Save, tmp_path: Path) -> None:
    table = questions(90).assign(crowd="time", votes=range(90))
    metadata = run(save(table), keep_columns=("crowd", "votes"))
    row = rows(tmp_path / "out", "train")[0]
    assert list(row) == ["id", "text", "label", "crowd", "votes"]
    assert (row["crowd"], row["votes"]) == (2, int(row["id"].split("-")[1]))
    assert metadata["kept"] == {"crowd": "class", "votes": "number"}


def test_metadata_describe_the_splits(published: Path, tmp_path: Path) -> None:
    metadata = run(published, seed=3)
    assert metadata == json.loads((tmp_path / "out" / "metadata.json").read_text())
    assert (metadata["name"], metadata["seed"]) == ("in", 3)
    assert metadata["source"]["files"]["test.csv"] == sha256_of(published / "test.csv")
    assert str(tmp_path) not in json.dumps(metadata)
    texts = [row["text"] for row in rows(tmp_path / "out", "test")]
    facts = metadata["splits"]["test"]
    assert facts["characters"]["mean"] == round(float(np.mean([len(t) for t in texts])), 1)
    assert facts["characters"]["max"] == max(len(text) for text in texts)
    assert facts["words"]["median"] == np.median([len(text.split()) for text in texts])
    assert facts["words"]["p95"] == 10.0
    assert facts["sha256"] == sha256_of(tmp_path / "out" / "test.jsonl")


def test_line_breaks_inside_texts_are_kept(questions: Make, save: Save, tmp_path: Path) -> None:
    odd = [f"one\n{i} \u00a0 two \u3000 'three' \\ \"four\" 😀" for i in range(60)]
    run(save(questions(60).assign(text=odd), "own.jsonl"))
    found = read_labelled_dataset(tmp_path / "out")
    assert sorted(text for split in found.splits.values() for text in split.texts) == sorted(odd)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[t["label"] == "time"], r"all 100 texts of train are of the class 'time'"),
        (lambda t: t.head(0), r"train.csv has no header with rows below it"),
        (lambda t: t.assign(text=" "), r"train has no texts.* 300 .*\(train\.csv\) 300 are empty"),
        (lambda t: t[t["label"] != "time"], r"train has .* none of 1 of the 3 classes: time"),
        (
            lambda t: pd.concat([t, t.head(9).assign(label="odd", text=list("abcdefghi"))]),
            r"test has 60 texts and none of 1 of the 4 classes: odd",
        ),
        (
            lambda t: t.assign(label=t["label"].where(t["label"] != "time", "tme")),
            r"train has .* none of 1 of the 4 classes: time",
        ),
    ],
)
def test_data_with_missing_classes_is_an_error(
    questions: Make,
    save: Save,
    published: Path,
    tmp_path: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
) -> None:
    save(change(questions(300)), "in/train.csv")
    with pytest.raises(DataError, match=message):
        run(published)
    assert not (tmp_path / "out" / "metadata.json").exists()


def test_a_split_that_cleaning_emptied_says_why(
    questions: Make, save: Save, published: Path
) -> None:
    save(questions(60, first=300), "in/dev.csv")
    message = (
        r"validation has no texts.* Of the 60 texts of validation \(dev\.csv\) 60 are also in "
        r"test \(test\.csv\), where they are kept\. Give validation other texts, or leave out "
        r"validation \(dev\.csv\), to be drawn from train \(--validation-share\)\."
    )
    with pytest.raises(DataError, match=message):
        run(published)
    save(questions(60).assign(text=[f"new {n}" for n in range(60)]), "in/dev.csv")
    save(questions(300), "in/test.csv")
    message = r"train has no texts.* are also in test .* or leave out test .*\(--test-share\)"
    with pytest.raises(DataError, match=message):
        run(published)


def test_class_too_rare_to_draw_is_an_error(questions: Make, save: Save) -> None:
    alone = pd.DataFrame({"text": ["Nobody else asks this."], "label": ["odd"]})
    with pytest.raises(DataError, match=r"1 class.* fewer than 2 texts: odd\. To draw test"):
        run(save(pd.concat([questions(90), alone])))
    with pytest.raises(DataError, match=r"90 class.* fewer than 2 texts"):
        run(save(questions(90).assign(label=range(90))))
    few = alone.iloc[[0, 0, 0]].assign(text=["first", "second", "third"])
    with pytest.raises(DataError, match=r"validation has .* none of 1 of the 4 classes: odd"):
        run(save(pd.concat([questions(90), few])))


def test_near_duplicates_are_drawn_together(questions: Make, save: Save, tmp_path: Path) -> None:
    copies = questions(150).assign(text=lambda table: table["text"].str.upper() + "!!")
    path = save(pd.concat([questions(150), copies], ignore_index=True))
    for options in ({}, {"holdout_block_size": 2}):
        metadata = run(path, **options)
        sides = [
            {row["text"].lower().rstrip("!") for row in rows(tmp_path / "out", split)}
            for split in ("train", "validation", "test")
        ]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 150
        assert metadata["report"]["near_duplicates"] == {
            "kept_together": True,
            "groups": 150,
            "texts": 300,
            "shared": {},
        }
    assert run(path)["splits"]["test"]["classes"] == {"distance": 20, "person": 20, "time": 20}


def test_a_draw_without_near_duplicates_does_not_depend_on_them(
    questions: Make, save: Save
) -> None:
    path = save(questions(300))
    drawn = [run(path, near_duplicates=mode) for mode in ("together", "report", "ignore")]
    assert len({metadata["fingerprint"] for metadata in drawn}) == 1


def test_published_splits_with_near_duplicates_are_kept_and_reported(
    questions: Make, save: Save, published: Path
) -> None:
    leaked = questions(5).assign(text=lambda table: table["text"] + "??")
    save(pd.concat([questions(60, first=300), leaked]), "in/test.csv")
    metadata = run(published)
    assert metadata["splits"]["test"]["count"] == 65
    found = metadata["report"]["near_duplicates"]["shared"]["test"]
    assert found["texts"] == 5 == sum(found["in"].values())
    assert found["ids"] == [f"test-{n}" for n in range(60, 65)]
    [line] = [line for line in tell_preparation(metadata) if line.startswith("leakage")]
    assert "5 of the 65 texts of test" in line and "test-60, test-61" in line


def test_registered_data_sets_are_drawn_as_published(published: Path, save: Save) -> None:
    train = pd.read_csv(published / "train.csv")
    save(pd.concat([train, train.assign(text=train["text"] + "!")]), "in/train.csv")
    source = load_source(str(published))
    known = replace(source, registered=TEXT_AND_LABEL)
    drawn = [
        prepare(each, published.parent / f"out{i}", near_duplicates=mode, progress=False)
        for i, (each, mode) in enumerate([(known, None), (known, "ignore"), (source, None)])
    ]
    assert drawn[0]["fingerprint"] == drawn[1]["fingerprint"] != drawn[2]["fingerprint"]
    lines = [line for line in tell_preparation(drawn[0]) if line.startswith("leakage")]
    assert len(lines) == 1 and lines[0].endswith("with --near-duplicates together")


def test_groups_too_large_for_a_split_are_an_error(questions: Make, save: Save) -> None:
    table = questions(90)
    same = table["label"] == "time"
    table.loc[same, "text"] = [f"Is it late{'!' * n}" for n in range(30)]
    path = save(table)
    with pytest.raises(DataError, match=r"test would have no text of 1 class\(es\): time.*report"):
        run(path)
    assert run(path, near_duplicates="report")["splits"]["test"]["classes"]["time"] == 6


def test_the_choices_are_reported(questions: Make, save: Save, tmp_path: Path) -> None:
    table = questions(90).rename(columns={"text": "body"}).assign(title="short", day=range(90))
    save(table.head(60), "in/train.csv")
    save(table.tail(30).assign(label=lambda t: t["label"].str.title()), "in/test.csv")
    save(table.head(3), "in/holdout.csv")
    (tmp_path / "in" / "notes.txt").write_text("from the archive")
    metadata = run(tmp_path / "in")
    report = metadata["report"]
    assert (report["text_column"], report["label_column"]) == ("body", "label")
    assert report["unused_columns"] == ["title", "day"]
    assert report["origins"] == {"train": ["train.csv"], "test": ["test.csv"]}
    assert report["left_out"] == ["holdout.csv", "notes.txt"]
    assert report["merged_labels"]["time"] == {"Time": 10, "time": 20}
    told = " | ".join(tell_preparation(metadata))
    for words in (
        "texts from the column 'body', labels from 'label'; not used: title, day",
        "train from train.csv; test from test.csv; validation drawn, 10% of train",
        "left out: holdout.csv, notes.txt; to use one, save it as train, validation, test,",
        "one class 'time' is spelled in several ways: 'Time' (10), 'time' (20)",
    ):
        assert words in told
    # What is only told does not change the identity of the data set.
    (tmp_path / "in" / "notes.txt").unlink()
    assert run(tmp_path / "in")["fingerprint"] == metadata["fingerprint"]
