"""Help texts: every command and option has one, in the terms of the field, at once."""

import subprocess
import sys

import pytest

from tests.shell import shell
from wholescript.cli import app
from wholescript.publish.vocabulary import retired_words

GROUPS = ("data", "train", "evaluate", "predict", "notebook", "site")
HEAVY = "{'torch', 'transformers', 'pandas', 'sklearn', 'scipy'}"


def commands():
    """Yield the path and the app of each command."""
    for name in app:
        if name in GROUPS:
            group = app[name]
            yield from ((f"{name} {child}", group[child]) for child in group if "-h" not in child)
        elif not name.startswith("-"):
            yield name, app[name]


COMMANDS = {path: command for path, command in commands() if " -" not in path}


def test_top_level_has_eight_commands():
    names = {name for name in app if not name.startswith("-")}
    assert names == {*GROUPS, "tune", "status"}


@pytest.mark.parametrize("path", COMMANDS)
def test_command_has_help_an_example_and_help_of_each_option(path):
    command = COMMANDS[path]
    done = shell([*path.split(), "-h"])
    assert done.exit_code == 0 and done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert f"\n  wholescript {path}" in done.stdout  # the example, on a line of its own
    options = command.assemble_argument_collection(parse_docstring=True)
    texts = {argument.name: argument.parameter.help or "" for argument in options}
    assert [name for name, text in texts.items() if len(text.split()) < 2] == []
    assert list(retired_words("\n".join([done.stdout, *texts.values()]))) == []


@pytest.mark.parametrize(
    "command", ["--help", "train --help", "train scratch --help", "train shared-trunk -h", "status"]
)
def test_help_and_status_import_no_model_code(command, tmp_path):
    check_imports(command, HEAVY, tmp_path)


def test_help_of_sentence_embeddings_imports_no_pytorch(tmp_path):
    check_imports("train sentence-linear -h", "{'torch', 'transformers'}", tmp_path)


def check_imports(command, modules, tmp_path):
    code = (
        "import sys; from wholescript.cli import main\n"
        "try: main()\n"
        f"except SystemExit as end: assert end.code == 0; assert not {modules} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, *command.split()],
        env={"WHOLESCRIPT_ROOT": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
    )
