"""The application: its groups of commands, and how errors, Ctrl-C and old names are answered."""

import errno
import inspect
import io
import os
import re
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, NoReturn, get_args, get_origin

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    UnknownOptionError,
    ValidationError,
)

from wholescript import __version__
from wholescript.cli.help import HelpFormatter, as_typed
from wholescript.cli.old_names import new_name
from wholescript.cli.options import PARAMETER_OPTION
from wholescript.cli.output import warn
from wholescript.cli.recipe import read_recipe, refuse_fractions
from wholescript.errors import WholeScriptError
from wholescript.settings import OutOfRange, allowed, check_arguments, problem

INVALID, INTERRUPTED = 2, 130  # exit codes; 1: a check found a problem

app = App(
    name="wholescript",
    help="""Whole Script: a reproducible report on transformers for long documents.

    Each group and command explains itself with `--help` or `-h`.

    Example: `wholescript data prepare questions.csv`

    Then: `wholescript train tfidf-svm questions`
    """,
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(
        negative_iterable=(),
        negative_none=(),
        show_env_var=False,
        json_list=False,
        json_dict=False,
        show_default=as_typed,
    ),
    help_formatter=HelpFormatter(),
    config=[read_recipe, refuse_fractions],
    suppress_keyboard_interrupt=False,
)
app["--help"].group = "Options"
app["--version"].group = "Options"

COMMANDS = {
    "data": ("data:group", "Prepare labelled data sets, extract features, generate texts."),
    "train": ("train:group", "Train a model; stores one run per seed."),
    "tune": (
        "tune:tune",
        "Search hyperparameters with Ray Tune; resumable.\n\n"
        "Example: `wholescript tune search/aggregators.yaml --trials 20`",
    ),
    "evaluate": (
        "evaluate:group",
        "Evaluate stored runs, and compare them.\n\nOne run: metrics, costs, confused classes. "
        "Several of one data set: paired differences and a page with training curves.\n\n"
        "Example: `wholescript evaluate questions/tfidf-svm questions/scratch-tiny`",
    ),
    "predict": ("predict:group", "Predict a nomination from screenplays, or classes of texts."),
    "notebook": ("notebook:group", "Execute notebooks, and compare their output."),
    "site": ("site:group", "Build, serve and check the report."),
    "status": (
        "status:status",
        "Show the trainings: running, interrupted, failed, finished; or what this machine has.\n\n"
        "Example: `wholescript status --watch`, `wholescript status --machine`",
    ),
}
"""Path and help of each command of the top level, in the order of the help."""
for order, (name, (path, help_text)) in enumerate(COMMANDS.items()):
    app.command(f"wholescript.cli.{path}", name=name, help=help_text, sort_key=order)
app.register_install_completion_command(
    help="Install the completion of commands and options.", group="Options"
)


def main(tokens: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0, 1 for a problem found, 2 for invalid input, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if tokens is None else tokens)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a stream of ASCII gets escapes, as stderr does
        sys.stdout.reconfigure(errors="backslashreplace")
    if not sys.stderr.isatty():  # a log file gets few lines of a progress bar
        os.environ.setdefault("TQDM_MININTERVAL", "10")
    try:
        if moved := new_name(arguments):
            warn(f"error: {moved}")
            sys.exit(INVALID)
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
        check_arguments(bound.arguments, _annotations(bound.signature))
        command(*bound.args, **bound.kwargs)
        if sys.stdout:
            sys.stdout.flush()  # here, where a failure is told
        sys.exit(0)
    except CycloptsError as error:
        warn(f"error: {_joined_pair(arguments) or explain(error)}")
        sys.exit(INVALID)
    except OutOfRange as error:
        warn(f"error: {_as_option(error, arguments)}")
        sys.exit(INVALID)
    except WholeScriptError as error:
        warn(f"error: {error}")
        sys.exit(INVALID)
    except BrokenPipeError:  # such as `wholescript status | head`
        _discard_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is None and (problem := _output_problem()):
            _discard_output()
            warn(f"error: the standard output cannot be written ({problem}): send it elsewhere")
            sys.exit(INVALID)
        if (message := _file_problem(error)) is None:
            raise
        warn(f"error: {message}")
        sys.exit(INVALID)
    except KeyboardInterrupt:
        _interrupted(arguments)


def _output_problem() -> str | None:
    """Return why standard output cannot be written, if it cannot: a line end is tried."""
    try:
        print(flush=True)
    except OSError as error:
        return error.strerror
    return None


def _file_problem(error: OSError) -> str | None:
    """Return what is wrong with a file that was to be read or written; None for other errors."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        file = f" {error.filename}" if error.filename else ""
        return f"cannot write{file} ({error.strerror}): free some space"
    if error.filename is None:  # such as one of a network
        return None
    if error.errno == errno.ENAMETOOLONG:
        return f"{str(error.filename)[:60]}... is no file: it is too long for a path"
    if error.errno == errno.EROFS:
        return f"cannot write {error.filename} ({error.strerror}): give a path in another folder"
    reason = f"cannot read or write {error.filename} ({error.strerror})"
    return f"{reason}: check the path and its permissions"


def _discard_output() -> None:
    """Let what is left in the buffer go nowhere, or it would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _annotations(signature: inspect.Signature) -> dict[str, Any]:
    """Return the annotations of the parameters that take one value or one tuple."""
    several = inspect.Parameter.VAR_POSITIONAL
    each = signature.parameters.values()
    return {one.name: one.annotation for one in each if one.kind is not several}


def _interrupted(arguments: Sequence[str]) -> NoReturn:
    command = shlex.join(["wholescript", *arguments])
    warn(f"interrupted: what is written is complete; the same command resumes: {command}")
    sys.exit(INTERRUPTED)


def _as_option(error: OutOfRange, arguments: Sequence[str]) -> str:
    """Return the message of an error, which names the option where one was given."""
    option = f"--{error.name.replace('_', '-').lower()}"
    if any(argument.partition("=")[0] == option for argument in arguments):
        return f"{option} {error.value} {error.problem}"
    return str(error)


def explain(error: CycloptsError) -> str:
    """Return what is wrong with a command line, in one line that names the option and its range."""
    argument = getattr(error, "argument", None)
    if isinstance(error, UnknownOptionError):
        given = error.token.value or error.token.keyword or ""
        if given == "-":
            return "standard input is not read: give a file or a text instead of -"
        if re.match(r"-[^-a-z]|.*\s", given, re.IGNORECASE):
            remedy = f"put -- before a text that begins with a hyphen: -- {shlex.quote(given)}"
            return f"unknown option {given}; {remedy}"
    if argument is None:
        return str(error)
    if isinstance(error, MissingArgumentError):
        what = (argument.parameter.help or "").partition(". ")[0].removesuffix(".")
        return f"{argument.name} is missing: {what}."
    annotation = _of_one_value(argument.field_info.annotation)
    value = " ".join(token.value for token in argument.tokens)
    if isinstance(error, CoercionError | ValidationError) and allowed(annotation):
        return f"{argument.name} {value} {problem(value, annotation)}"
    return str(error)


def _joined_pair(arguments: Sequence[str]) -> str | None:
    """Return what is wrong with `-p NAME=VALUE`, if a command line has it."""
    for option, value in pairwise(arguments):
        name, sign, rest = value.partition("=")
        if option in PARAMETER_OPTION and sign and name.isidentifier():
            pair = shlex.join([name, rest])
            return f"{option} {value}: a space separates name and value: {option} {pair}"
    return None


def _of_one_value(annotation: Any) -> Any:
    """Return the annotation of each value of an option that is repeatable, or of the only one."""
    if get_origin(annotation) is Annotated and get_origin(get_args(annotation)[0]) is tuple:
        annotation = get_args(annotation)[0]
    args = get_args(annotation)
    return args[0] if get_origin(annotation) is tuple and Ellipsis in args else annotation
