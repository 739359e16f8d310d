"""The errors that users meet; each message names the bad value and the remedy."""


class WholeScriptError(Exception):
    """Base of all errors that a user can mend; the command line prints it without a traceback."""


class DataError(WholeScriptError):
    """A corpus cannot be used: a missing column, an unreadable text, a one-class split."""


class BundleError(WholeScriptError):
    """Stored features are absent, truncated or do not belong to the corpus."""


class ParameterError(WholeScriptError):
    """A parameter has an unknown name, a wrong type or a value outside its choices."""


class RunError(WholeScriptError):
    """A run or a notebook failed, or its stored result does not fit the tree at hand."""
