import pytest

from wholescript.errors import BundleError, DataError
from wholescript.features.proper_names import (
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


def test_names_are_mostly_capitalized_inside_sentences():
    assert find_proper_names([TEXT], VOCABULARY) == ["martha", "martha's", "mckay", "rose"]


def test_cues_sluglines_and_sentence_starts_are_not_counted():
    assert find_proper_names(["MARTHA\nYou go. Then you go, the mill.\nTHE MILL"], VOCABULARY) == []


def test_written_names_are_read_back(tmp_path):
    path = tmp_path / "names.txt"
    assert write_proper_names([TEXT], VOCABULARY, path) == 4
    assert read_proper_names(path) == {"martha", "martha's", "mckay", "rose"}


def test_lower_case_texts_are_an_error(tmp_path):
    with pytest.raises(DataError, match="give texts in their original case"):
        write_proper_names([TEXT.lower()], VOCABULARY, tmp_path / "names.txt")
    assert not list(tmp_path.iterdir())


def test_absent_list_gives_the_command(tmp_path):
    with pytest.raises(BundleError, match="run `wholescript data proper-names`"):
        read_proper_names(tmp_path / "names.txt")


def test_bundled_list_is_sorted_and_has_names_only():
    names = NAMES_FILE.read_text(encoding="utf-8").split()
    assert names == sorted(set(names))
    assert {"john", "york", "hollywood"} <= set(names)
    assert not {"table", "walks", "i'm", "brown"} & set(names)
