import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wholescript.files import ROOT, describe_missing, sha256_of, shown_path, write_atomic

KILLED = """
import os, signal, sys
from pathlib import Path
from wholescript import files
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomic(Path(sys.argv[1]), "new")
"""


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_are_read_back(tmp_path, content):
    path = tmp_path / "deep" / "er" / "file"
    write_atomic(path, content)
    assert path.read_bytes() == content
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_text_is_utf8_and_anyone_may_read_it(tmp_path):
    path = tmp_path / "file.txt"
    write_atomic(path, "caf\u00e9\n")
    assert path.read_bytes() == b"caf\xc3\xa9\n"
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failure):
    path = tmp_path / "file"
    write_atomic(path, "old")

    def fail(handle):
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(failure)):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_names_the_file_and_not_the_temporary_one(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r": '.*/file/a\.csv'$"):
        write_atomic(tmp_path / "file" / "a.csv", "new")


def test_paths_are_shown_as_they_can_be_typed(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    assert shown_path(tmp_path / "in" / "a.csv") == "a.csv"
    assert shown_path(tmp_path / "b.csv") == str(tmp_path / "b.csv")


def test_a_missing_file_is_told_with_similar_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "heldout").mkdir()
    (tmp_path / "q.csv").touch()
    assert describe_missing(Path("heldut")) == (
        f"heldut does not exist (looked in {tmp_path}); did you mean 'heldout'?"
    )
    assert describe_missing(tmp_path / "other.csv") == f"{tmp_path}/other.csv does not exist."


def test_a_killed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, "old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert killed.returncode < 0
    assert path.read_text() == "old"


def test_root_is_the_repository():
    assert (ROOT / "src" / "wholescript" / "files.py").is_file()
