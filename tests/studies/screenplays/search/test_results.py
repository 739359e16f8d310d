import pytest

from wholescript.errors import RunError
from wholescript.studies.screenplays.search.results import (
    SearchResult,
    Trial,
    read_search,
    write_search,
)


def row(epoch, loss):
    return {"epoch": epoch, "val_loss": loss, "val_auc": 1 - loss}


TRIALS = [
    Trial({"architecture": "a", "n_head": 2}, ["n_head"], [row(1, 0.5), row(2, 0.4)]),
    Trial({"architecture": "b", "n_head": 4}, [], [], "the loss is not finite"),
    Trial({"architecture": "b", "n_head": 8}, [], [row(1, 0.45)]),
]
HYPERPARAMETERS = {
    "n_head": [2, 4],
    "dropout": {"scale": "linear"},
    "learning_rate": {"scale": "log"},
}
SEARCH = SearchResult(
    {"protocol": {}, "hyperparameters": HYPERPARAMETERS},
    {"fingerprint": "f"},
    10,
    {"ray": "1"},
    TRIALS,
)


def test_search_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "search" / "own.json"
    write_search(SEARCH, path)
    assert read_search(path) == SEARCH
    before = path.read_bytes()
    write_search(read_search(path), path)
    assert path.read_bytes() == before


def test_hyperparameters_have_a_scale():
    assert SEARCH.is_log_scale == {"n_head": False, "dropout": False, "learning_rate": True}


def test_tables_have_the_scored_trials():
    assert SEARCH.best is TRIALS[0]
    assert SEARCH.table()["n_head"].tolist() == [2, 8]
    assert SEARCH.table()["val_loss"].tolist() == [0.4, 0.45]
    assert SEARCH.active_table()["n_head"].isna().tolist() == [True, False]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"trials": [{"a": 1}]}', '{"trials": []}'])
def test_invalid_file_raises(tmp_path, content):
    path = tmp_path / "own.json"
    path.write_text(content)
    with pytest.raises(RunError, match=r"own\.json is not a search"):
        read_search(path)


def test_missing_file_raises(tmp_path):
    with pytest.raises(RunError, match=r"there is no search none\.json"):
        read_search(tmp_path / "none.json")
