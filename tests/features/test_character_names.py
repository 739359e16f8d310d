import pytest

from wholescript.errors import BundleError, DataError
from wholescript.features.character_names import (
    NAMES_FILE,
    find_proper_names,
    read_proper_names,
    write_proper_names,
)

TEXT = """INT. MILL - DAY

MARTHA (40) enters. The old mill is dark.
Then Martha sees the mill, and Martha\u2019s lamp. She and I'm gone, and Mill burns.

MARTHA
You saw the McKay, he saw the rose. I saw my Rose, your Rose.
"""
VOCABULARY = ["martha", "martha's", "mill", "mckay", "rose", "the", "i'm", "you", "int", "absent"]


def test_names_are_capitalised_inside_a_sentence_more_often_than_not():
    assert find_proper_names([TEXT], VOCABULARY) == ["martha", "martha's", "mckay", "rose"]


def test_cues_sluglines_and_beginnings_of_sentences_count_for_nothing():
    assert find_proper_names(["MARTHA\nYou go. Then you go, the mill.\nTHE MILL"], VOCABULARY) == []


def test_names_are_written_and_read(tmp_path):
    path = tmp_path / "names.txt"
    assert write_proper_names([TEXT], VOCABULARY, path) == 4
    assert read_proper_names(path) == {"martha", "martha's", "mckay", "rose"}


def test_texts_without_capitals_are_refused(tmp_path):
    with pytest.raises(DataError, match="give texts with capitals"):
        write_proper_names([TEXT.lower()], VOCABULARY, tmp_path / "names.txt")
    assert not list(tmp_path.iterdir())


def test_an_absent_list_names_the_remedy(tmp_path):
    with pytest.raises(BundleError, match="run `wholescript names`"):
        read_proper_names(tmp_path / "names.txt")


def test_the_bundled_list_is_sorted_and_knows_names_from_words():
    listed = NAMES_FILE.read_text(encoding="utf-8").split()
    assert listed == sorted(set(listed))
    assert {"john", "york", "hollywood"} <= set(listed)
    assert not {"table", "walks", "i'm", "brown"} & set(listed)
