from pathlib import Path

import pytest

from wholescript.prediction.script_paths import find_scripts


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.PDF", "notes.docx", ".hidden.txt", "b.txt.prediction.png", "in/c.fdx"):
        path = tmp_path / "scripts" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return Path("scripts")


def test_a_folder_stands_for_its_scripts_and_the_rest_is_named(folder):
    scripts, left_out = find_scripts(folder)
    assert scripts == [folder / "a.PDF", folder / "b.txt"]
    assert left_out == [folder / "in", folder / "notes.docx"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("*.txt", ["b.txt"]), ("**/*.fdx", ["in/c.fdx"]), ("[ab].*", ["a.PDF", "b.txt"])],
)
def test_a_pattern_stands_for_the_files_that_match(folder, pattern, names):
    found = [folder / name for name in names]
    assert find_scripts(folder / pattern) == (found, [])
    assert find_scripts(folder.resolve() / pattern) == ([path.resolve() for path in found], [])


def test_other_paths_are_returned_as_they_are(folder):
    bracketed = folder / "film [1].txt"
    bracketed.touch()
    (folder / "empty").mkdir()
    too_long = Path(300 * "INT. HOUSE ")
    for path in (
        bracketed,
        too_long,
        folder / "none*",
        folder / "none.txt",
        folder / "empty",
        Path("-"),
    ):
        assert find_scripts(path) == ([path], [])
