"""Errors shown to users; each message names the bad value and the remedy."""

import difflib
from collections.abc import Iterable


class WholeScriptError(Exception):
    """Base class of errors that a user can fix; the CLI prints them without a traceback."""


class DataError(WholeScriptError):
    """A corpus cannot be used: a missing column, an unreadable text, a one-class split."""


class BundleError(WholeScriptError):
    """Stored features are missing, truncated or belong to another corpus."""


class DependencyError(WholeScriptError):
    """An optional package, which the message names, is not installed or lacks a file."""


class ParameterError(WholeScriptError):
    """A parameter has an unknown name, a wrong type or a value outside its choices."""


class RunError(WholeScriptError):
    """A run or a notebook failed, or its stored result does not match the checkout."""


def did_you_mean(name: str, known: Iterable[str], *, list_all: bool = True) -> str:
    """Return the end of an error message that suggests up to 3 known names similar to `name`.

    If no name is similar, it lists all of them, or is empty without `list_all`.
    """
    names = sorted(known)
    if similar := difflib.get_close_matches(name, names, n=3, cutoff=0.5):
        return f"; did you mean {' or '.join(map(repr, similar))}?"
    return f"; there are: {', '.join(names) or 'none'}" if list_all else ""
