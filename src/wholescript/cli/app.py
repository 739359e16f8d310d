"""The application: its groups of commands, and how errors, Ctrl-C and old names are answered."""

import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from cyclopts import App, CycloptsError, Parameter, UnknownCommandError, UnknownOptionError

from wholescript import __version__
from wholescript.cli.old_names import new_name
from wholescript.cli.output import warn
from wholescript.cli.recipe import read_recipe
from wholescript.errors import WholeScriptError
from wholescript.settings import OutOfRange

INVALID, INTERRUPTED = 2, 130  # exit codes; 1: a check found a problem

app = App(
    name="wholescript",
    help="""Whole Script: a reproducible report on transformers for long documents.

    Each group and command explains itself with `--help` or `-h`.

    Example: `wholescript train tfidf-svm questions` after
    `wholescript data prepare questions.csv`
    """,
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative_iterable=(), negative_none=(), show_env_var=False),
    config=read_recipe,
)
app["--help"].group = "Options"
app["--version"].group = "Options"

GROUPS = {
    "data": "Prepare labelled data sets, extract features, find label errors, generate texts.",
    "train": "Train a model; stores one run per seed.",
    "predict": "Predict a nomination from screenplays, or the classes of texts.",
    "notebook": "Execute notebooks, and compare their output with the stored one.",
    "site": "Build, serve and check the report.",
}
for group, help_text in GROUPS.items():
    app.command(f"wholescript.cli.{group}:group", name=group, help=help_text)
app.command(
    "wholescript.cli.tune:tune",
    name="tune",
    help="Search hyperparameters with Ray Tune; resumable.",
)
app.command(
    "wholescript.cli.evaluate:group",
    name="evaluate",
    help="Evaluate stored runs: metrics, costs, confusions, paired differences.",
)
app.command(
    "wholescript.cli.status:status",
    name="status",
    help="Show the trainings: running, interrupted, failed or finished.",
)
app.register_install_completion_command(help="Install the completion of commands and options.")


def main(tokens: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0, 1 for a problem found, 2 for invalid input, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if tokens is None else tokens)
    try:
        if moved := new_name(arguments):
            warn(f"error: {moved}")
            sys.exit(INVALID)
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.exit(0)
    except CycloptsError as error:
        warn(f"error: {_explain(error)}")
        sys.exit(INVALID)
    except OutOfRange as error:
        warn(f"error: {_as_option(error, arguments)}")
        sys.exit(INVALID)
    except WholeScriptError as error:
        warn(f"error: {error}")
        sys.exit(INVALID)
    except KeyboardInterrupt:
        _interrupted(arguments)
    except BrokenPipeError:  # such as `wholescript status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _interrupted(arguments: Sequence[str]) -> NoReturn:
    command = shlex.join(["wholescript", *arguments])
    warn(f"interrupted: what is written is complete; the same command resumes: {command}")
    sys.exit(INTERRUPTED)


def _as_option(error: OutOfRange, arguments: Sequence[str]) -> str:
    """Return the message of an error, which names the option where one was given."""
    option = f"--{error.name.replace('_', '-').lower()}"
    if any(argument.partition("=")[0] == option for argument in arguments):
        return f"{option} {error.value}: {error.must_be}"
    return str(error)


def _explain(error: CycloptsError) -> str:
    """Return the message of a command line that cannot be read, with the nearest name."""
    if isinstance(error, UnknownOptionError | UnknownCommandError):
        return str(error)
    return str(error)
