"""Tables at 80 columns, and Ctrl-C."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.shell import shell
from wholescript.cli import app, main, output
from wholescript.cli.output import cell, print_table
from wholescript.project import ROOT_VARIABLE

RUNS = ["questions/scratch-tiny-token-dropout", "questions/smollm2-pruned-bayes-shared-trunk"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (23_480_730.0, "23,480,730"),
        (23_480_730, "23,480,730"),
        (0.12345, "0.1235"),
        (float("nan"), "\N{EN DASH}"),
        (None, "\N{EN DASH}"),
        (0.0, "0"),
        (1.7e-6, "1.7e-06"),
        (True, "True"),
        ("[/red]", "[/red]"),
    ],
)
def test_cells(value, text):
    assert cell(value) == text


@pytest.mark.parametrize("n_columns", [2, 4, 8])
def test_names_of_runs_are_never_cut(n_columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    frame = pd.DataFrame({"model": RUNS, "cost": ["inference_seconds_per_1000"] * 2})
    for number in range(n_columns - 2):
        frame[f"parameters{number}"] = [23_480_730.0, float("nan")]
    print_table(frame, "cost")
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    words = [word for name in RUNS for word in re.split("(?<=[/-])", name)]
    assert [word for word in words if word not in printed] == []
    assert "nan" not in printed and "…" not in printed
    if n_columns > 2:
        assert "23,480,730" in printed and "\N{EN DASH}" in printed
    if n_columns == 8:  # no room: one line for each value
        assert f"{RUNS[1]}\n  cost         inference_seconds_per_1000\n" in printed


def test_a_narrow_table_stays_a_table(capsys):
    print_table(pd.DataFrame({"metric": ["accuracy"], "value": [0.5]}), "metrics")
    assert "0.5000 │" in capsys.readouterr().out
    assert output.out.width == 80


# Says when the command waits: before, an import could be interrupted.
WATCH = """
import time
sleep = time.sleep
time.sleep = lambda seconds: (print("waiting", flush=True), sleep(600))
from wholescript.cli import main
main()
"""


def test_ctrl_c_ends_with_one_line_and_130(tmp_path):
    command = [sys.executable, "-c", WATCH, "status", "--watch"]
    process = subprocess.Popen(
        command,
        env=os.environ | {ROOT_VARIABLE: str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # SIGINT is ignored in background processes: restore the default.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert err.startswith("interrupted: ") and len(err.splitlines()) == 1


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="the system has no full device")
@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [(["status"], ""), (["predict", "--help"], "1"), (["--version"], "")],
)
def test_an_output_that_cannot_be_written_is_one_line_and_2(arguments, unbuffered, tmp_path):
    variables = {ROOT_VARIABLE: str(tmp_path), "PYTHONUNBUFFERED": unbuffered}
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wholescript", *arguments],
            env=os.environ | variables,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the standard output cannot be written (No space left")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "cannot write runs/a.json (No space left on device): free some space"),
        (errno.EROFS, "cannot write runs/a.json (Read-only file system): give a path in another"),
        (errno.EACCES, "cannot read or write runs/a.json (Permission denied): check the path"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_line_and_2(number, message, monkeypatch, capsys):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number), "runs/a.json")

    monkeypatch.setattr(type(app), "parse_args", fail)
    with pytest.raises(SystemExit, match="2"):
        main(["status"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


@pytest.mark.parametrize(
    "command",
    [
        "data label-errors q --output {}/x.csv",
        "predict text q/nb --table q.csv --output {}/x.csv",
        "evaluate q/nb --output {}/x.html",
        "data prepare q.csv -o {}/x",
        "data features --output {}/x",
        "train predictor --output {}",
    ],
)
def test_an_output_is_checked_before_the_work(command, read_only, tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setattr("wholescript.api.documents.open_run", lambda *_: None)
    done = shell(command.format(read_only).split())
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: --output {read_only}")
    assert "cannot be written (Read-only file system): give a path in another folder" in line
