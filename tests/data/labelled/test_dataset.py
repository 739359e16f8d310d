import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wholescript.data.labelled import load_source, prepare, read_labelled_dataset, read_metadata
from wholescript.errors import DataError

Make = Callable[..., pd.DataFrame]
Save = Callable[..., Path]


@pytest.fixture
def prepared(questions: Make, save: Save, tmp_path: Path) -> Path:
    """A prepared data set with a kept column in train, and unlabelled texts."""
    save(questions(90).assign(crowd="time"), "in/train.csv")
    save(questions(30, first=90), "in/test.csv")
    save(questions(5, first=120)[["text"]], "in/unsupervised.csv")
    source = load_source(str(tmp_path / "in"), name="questions")
    prepare(source, tmp_path / "out", keep_columns=("crowd",), progress=False)
    return tmp_path / "out"


def test_prepared_data_set_is_read_back(questions: Make, prepared: Path) -> None:
    found = read_labelled_dataset(prepared)
    assert (found.name, found.classes) == ("questions", ["distance", "person", "time"])
    assert {name: len(split) for name, split in found.splits.items()} == {
        "train": 81,
        "validation": 9,
        "test": 30,
        "unsupervised": 5,
    }
    test, published = found.splits["test"], questions(30, first=90)
    assert test.texts == published["text"].tolist()
    assert [found.classes[label] for label in test.labels] == published["label"].tolist()
    assert test.labels.dtype == np.int64 and test.extra_columns == {}
    train = found.splits["train"]
    assert (
        train.extra_columns["crowd"].dtype == np.int64
        and train.extra_columns["crowd"].tolist() == [2] * 81
    )
    assert found.splits["validation"].extra_columns["crowd"].shape == (9,)
    assert found.splits["unsupervised"].labels.tolist() == [-1] * 5
    assert found.fingerprint == found.metadata["fingerprint"]
    assert found.metadata == read_metadata(prepared)


def test_folder_without_a_prepared_data_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no prepared data set.*`wholescript data prepare`"):
        read_labelled_dataset(tmp_path)


@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_truncated_split_is_an_error(prepared: Path, share: float) -> None:
    content = (prepared / "train.jsonl").read_bytes()
    (prepared / "train.jsonl").write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"train.jsonl is truncated: \d+ of \d+ bytes.*prepare"):
        read_labelled_dataset(prepared)


def test_altered_or_missing_split_is_an_error(prepared: Path) -> None:
    path = prepared / "test.jsonl"
    path.write_text(path.read_text().replace('"label": 0', '"label": 1', 1))
    with pytest.raises(DataError, match=r"test.jsonl was altered.*SHA-256.*prepare"):
        read_labelled_dataset(prepared)
    path.unlink()
    with pytest.raises(DataError, match=r"test.jsonl is missing.*prepare"):
        read_labelled_dataset(prepared)


def test_altered_or_truncated_metadata_is_an_error(prepared: Path) -> None:
    path = prepared / "metadata.json"
    content = path.read_text()
    swapped = json.loads(content)
    swapped["classes"][:2] = swapped["classes"][1::-1]
    for altered in (json.dumps(swapped), "[]", "{}"):
        path.write_text(altered)
        with pytest.raises(DataError, match=r"metadata.json was altered.*prepare"):
            read_labelled_dataset(prepared)
    path.write_text(content[:-20])
    with pytest.raises(DataError, match=r"metadata.json is truncated"):
        read_labelled_dataset(prepared)
