"""Help texts: every command and option has one, and printing it imports no model code."""

import subprocess
import sys

import pytest
import typer

from wholescript.cli import app
from wholescript.publish.vocabulary import retired_words


def commands(command, path=()):
    """Yield the path and the click command of each command."""
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from commands(child, (*path, name))
    else:
        yield path, command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_commands_and_their_options_have_help(path):
    command = COMMANDS[path]
    assert command.help and command.help.split("\n")[0].endswith(".")
    without_help = [p.name for p in command.params if len((p.help or "").split()) < 2]
    assert without_help == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_uses_the_terms_of_the_field(path):
    command = COMMANDS[path]
    texts = [command.help or "", *(p.help or "" for p in command.params)]
    assert list(retired_words("\n".join(texts))) == []


def test_help_imports_no_model_code():
    code = (
        "import sys; from typer.testing import CliRunner; from wholescript.cli import app; "
        "assert CliRunner().invoke(app, ['train', 'generative', '--help']).exit_code == 0; "
        "print({'torch', 'pandas', 'sklearn', 'transformers', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
