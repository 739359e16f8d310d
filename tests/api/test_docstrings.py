import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "module", ["wholescript.api", "wholescript.api.estimators", "wholescript.training.hardware"]
)
def test_the_examples_of_docstrings_are_right(module, monkeypatch):
    monkeypatch.delenv("WHOLESCRIPT_DEVICE", raising=False)
    result = doctest.testmod(import_module(module))
    assert result.attempted and not result.failed
