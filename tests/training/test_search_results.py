import pytest

from wholescript.errors import RunError
from wholescript.studies.screenplays.search.results import (
    SearchResult,
    Trial,
    read_search,
    write_search,
)


def row(epoch, loss):
    return {"epoch": epoch, "held_out_loss": loss, "held_out_auc": 1 - loss}


TRIALS = [
    Trial({"architecture": "a", "heads": 2}, ["heads"], [row(1, 0.5), row(2, 0.4)]),
    Trial({"architecture": "b", "heads": 4}, [], [], "the loss is not finite"),
    Trial({"architecture": "b", "heads": 8}, [], [row(1, 0.45)]),
]
CHOICES = {"heads": [2, 4], "dropout": {"scale": "linear"}, "learning_rate": {"scale": "log"}}
SEARCH = SearchResult(
    {"protocol": {}, "choices": CHOICES}, {"fingerprint": "f"}, 10, {"ray": "1"}, TRIALS
)


def test_a_search_comes_back(tmp_path):
    path = tmp_path / "search" / "own.json"
    write_search(SEARCH, path)
    assert read_search(path) == SEARCH
    before = path.read_bytes()
    write_search(read_search(path), path)
    assert path.read_bytes() == before


def test_choices_say_on_what_scale_they_were_drawn():
    assert SEARCH.hyperparameters == {"heads": False, "dropout": False, "learning_rate": True}


def test_tables_hold_the_trials_that_were_judged():
    assert SEARCH.best is TRIALS[0]
    assert SEARCH.table()["heads"].tolist() == [2, 8]
    assert SEARCH.table()["held_out_loss"].tolist() == [0.4, 0.45]
    assert SEARCH.active_table()["heads"].isna().tolist() == [True, False]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"trials": [{"a": 1}]}', '{"trials": []}'])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "own.json"
    path.write_text(content)
    with pytest.raises(RunError, match=r"own\.json is not a search"):
        read_search(path)


def test_an_absent_file_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"there is no search none\.json"):
        read_search(tmp_path / "none.json")
