"""Fixtures of the tests of commands: a project of its own for each test."""

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
    "save",
    "texts",
]
