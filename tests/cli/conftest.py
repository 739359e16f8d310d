"""Fixtures of the tests of commands: a project of its own for each test."""

import errno
import os
from pathlib import Path

import pytest

from tests.data.conftest import questions, save
from tests.prediction.conftest import (
    corpus,
    features,
    fountain,
    in_each_format,
    model,
    predictor,
    texts,
)
from tests.publish.conftest import project

__all__ = [
    "corpus",
    "features",
    "fountain",
    "in_each_format",
    "model",
    "predictor",
    "project",
    "questions",
    "read_only",
    "save",
    "texts",
]


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """A folder of a file system that is mounted read-only: root may write to any other."""
    folder, open_file = tmp_path / "read_only", os.open
    folder.mkdir()

    def refuse(path, flags, *args, **kwargs):
        if flags & (os.O_WRONLY | os.O_RDWR) and Path(os.fsdecode(path)).is_relative_to(folder):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return open_file(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    return folder
