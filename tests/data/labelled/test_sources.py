from collections.abc import Callable
from pathlib import Path

import datasets
import pandas as pd
import pytest

from wholescript.data.labelled.sources import DATASETS, load_source
from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of

Make = Callable[..., pd.DataFrame]
Save = Callable[..., Path]

COMMIT = "0123456789abcdef" * 2 + "01234567"


def test_local_file_is_loaded(questions: Make, save: Save) -> None:
    path = save(questions(6), "trec.csv")
    source = load_source(str(path))
    assert (source.name, source.location, source.revision) == ("trec", "trec.csv", None)
    assert source.files == {"trec.csv": sha256_of(path)}
    assert source.splits["train"].frame["text"].tolist() == questions(6)["text"].tolist()
    assert load_source(str(path.rename(path.with_name("trec.CSV")))).name == "trec"
    path = path.with_name("trec.CSV")
    assert load_source("mine", path).name == "mine"
    assert load_source(str(path), name="other").name == "other"


def test_local_copy_of_a_registered_data_set(questions: Make, save: Save, tmp_path: Path) -> None:
    save(questions(6), "copy/train.csv")
    save(questions(6, first=6), "copy/test.csv")
    source = load_source("imdb", tmp_path / "copy")
    assert (source.name, source.location, list(source.splits)) == (
        "imdb",
        "copy",
        ["train", "test"],
    )
    assert source.registered == DATASETS["imdb"]
    assert list(source.files) == ["train.csv", "test.csv"]


def test_unknown_data_set_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"bankng77 is not a file.*did you mean 'banking77'\?"):
        load_source("bankng77")
    with pytest.raises(DataError, match=r"some/absent.csv is not a file"):
        load_source("some/absent.csv")
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        load_source("imdb", Path("nowhere"))


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a b"])
def test_invalid_name_is_an_error(questions: Make, save: Save, name: str) -> None:
    path = save(questions(6))
    if name:
        with pytest.raises(ParameterError, match=r"is not valid as a folder name: --name"):
            load_source(str(path), name=name)
    else:
        assert load_source(str(path), name=name).name == "own"


@pytest.fixture
def hub_copy(questions: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the format of the hub, written by `datasets`."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    names = ["distance", "person", "time"]
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    for split, first, n in [("train", 0, 60), ("test", 60, 30)]:
        part = datasets.Dataset.from_dict(
            questions(n, first=first).to_dict("list"), features=features
        )
        folder = tmp_path / "hub" / "data"
        folder.mkdir(parents=True, exist_ok=True)
        part.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return tmp_path / "hub"


@pytest.fixture
def requests(hub_copy: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None, str]]:
    """Load from a folder instead of the network; return the requests made."""
    made, build = list[tuple[str, str | None, str]](), datasets.load_dataset_builder

    def from_copy(name: str, subset: str | None, *, revision: str) -> datasets.DatasetBuilder:
        made.append((name, subset, revision))
        builder = build(str(hub_copy))
        builder.hash = COMMIT if revision == "main" else builder.hash
        return builder

    monkeypatch.setattr(datasets, "load_dataset_builder", from_copy)
    return made


@pytest.mark.usefixtures("requests")
def test_hub_data_set_is_loaded(questions: Make, hub_copy: Path) -> None:
    source = load_source("someone/questions")
    assert (source.name, source.location) == ("questions", "someone/questions")
    assert list(source.splits) == ["train", "test"]
    assert source.splits["train"].frame["text"].tolist() == questions(60)["text"].tolist()
    assert source.splits["test"].frame["label"].tolist() == [0, 1, 2] * 10
    assert source.splits["test"].class_names == {"label": ["distance", "person", "time"]}
    # The same folder read as a local copy has the same content.
    local = load_source("questions", hub_copy)
    assert local.splits["train"].class_names == source.splits["train"].class_names
    pd.testing.assert_frame_equal(
        local.splits["train"].frame, source.splits["train"].frame, check_dtype=False
    )


def test_hub_is_loaded_at_a_revision_and_the_commit_is_recorded(
    requests: list[tuple[str, str | None, str]],
) -> None:
    pinned = DATASETS["banking77"].revision
    assert load_source("banking77").revision == pinned
    assert load_source("a/b", subset="small").revision == COMMIT
    assert load_source("imdb", revision="main").name == "imdb"
    assert requests == [
        ("PolyAI/banking77", None, pinned),
        ("a/b", "small", "main"),
        ("stanfordnlp/imdb", None, "main"),
    ]


@pytest.mark.usefixtures("requests")
def test_hub_data_set_without_train_is_an_error(hub_copy: Path) -> None:
    (hub_copy / "data" / "train-00000-of-00001.parquet").unlink()
    with pytest.raises(DataError, match=r"a/b has no split train; it has test"):
        load_source("a/b")


def test_unreachable_hub_suggests_a_local_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset_builder", offline)
    with pytest.raises(DataError, match=r"PolyAI/banking77.*\(no network\).*--path FOLDER"):
        load_source("banking77")


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("/no/such/folder", r"/no/such/folder is not a file or a folder$"),
        ("./tickets", r"\./tickets is not a file or a folder \(looked in "),
        ("mials", r"mials is not a file, .*; did you mean 'mails'"),
        ("../tickets/2024/", r"is not a file or a folder"),
        ("mails/tikets", r"mails/tikets is not.*did you mean 'tickets'"),
        ("mails/tickets.CSV", r"mails/tickets.CSV is not a file"),
        ("C:\\mails\\tickets", r"is not a file or a folder"),
        ("a/b/c", r"a/b/c is not a file or a folder"),
        ("ticket.csv", r"did you mean 'tickets.csv'"),
    ],
)
def test_a_path_is_not_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset_builder", pytest.fail)
    (tmp_path / "mails" / "tickets").mkdir(parents=True)
    (tmp_path / "tickets.csv").touch()
    with pytest.raises(DataError, match=message):
        load_source(dataset)


@pytest.mark.usefixtures("requests")
def test_splits_of_the_hub_are_all_used_or_named(hub_copy: Path) -> None:
    data = hub_copy / "data"
    (data / "test-00000-of-00001.parquet").rename(data / "holdout-00000-of-00001.parquet")
    source = load_source("someone/questions")
    assert (dict(source.origins), list(source.left_out)) == ({"train": ["train"]}, ["holdout"])


def test_two_names_of_one_split_of_the_hub_are_an_error(
    questions: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {name: datasets.Dataset.from_pandas(questions(3)) for name in ("train", "val", "dev")}
    monkeypatch.setattr(
        "wholescript.data.labelled.sources.load_hub_dataset", lambda *_, **__: (parts, COMMIT)
    )
    with pytest.raises(DataError, match=r"a/b has more than one validation split: val, dev"):
        load_source("a/b")
