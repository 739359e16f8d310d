"""Status files of trainings: running, interrupted, failed or finished.

A training holds a lock on its folder. The operating system releases it when the process ends, so
a killed training has the state interrupted, never running.
"""

import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from wholescript.errors import RunError
from wholescript.files import write_atomic
from wholescript.project import Project
from wholescript.training.progress import Progress, read_metadata, read_progress
from wholescript.training.settings import HistoryRow

STATUS_FILE, LOCK_FILE = "training.json", "training.lock"
# Reading the status of a training acquires its lock for a moment.
LOCK_TIMEOUT_S = 2.0

TrainingState = Literal["running", "interrupted", "failed", "finished"]


@dataclass(frozen=True)
class TrainingStatus:
    """The status of the training in `folder`.

    `command`, typed in `directory`, resumes it from its last checkpoint. It is empty where another
    program than the command line trains, such as a script: running that again resumes it.
    `progress` is that of its last phase, None before the first step. `history` has one row per
    finished epoch. `started` and `ended` are in seconds since 1970.
    """

    name: str
    folder: Path
    state: TrainingState
    command: str
    started: float
    directory: str = ""
    ended: float | None = None
    error: str = ""
    progress: Progress | None = None
    history: tuple[HistoryRow, ...] = ()


@contextmanager
def training_lock(folder: Path, name: str, command: str = "") -> Iterator[None]:
    """Lock `folder` and keep the status file of the training `name` up to date.

    `command` resumes the training. The checkpoints are deleted when it has succeeded.

    Raises:
        RunError: another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=LOCK_TIMEOUT_S)
    except Timeout:
        raise RunError(
            f"another process is training {name}: wait until it has finished (see "
            "`wholescript status`) or stop it"
        ) from None
    status: dict[str, Any] = {
        "name": name,
        "command": command,
        "directory": str(Path.cwd()),  # the paths of a command are relative to it
        "started": time.time(),
    }
    try:
        _write(folder, status)
        yield
        _write(folder, status | {"ended": time.time()})
        for checkpoint in folder.glob("checkpoint-*"):
            checkpoint.unlink()
    except Exception as error:
        _write(folder, status | {"ended": time.time(), "error": str(error) or type(error).__name__})
        raise
    finally:
        lock.release()


def list_trainings(project: Project) -> list[TrainingStatus]:
    """Return the trainings of this checkout: running ones first, then the most recent first."""
    roots = (project.build, project.rerun_root)
    files = [file for root in roots for file in root.glob(f"training/*/{STATUS_FILE}")]
    trainings = [run for file in files if (run := _read(file.parent)) is not None]
    return sorted(trainings, key=lambda run: (run.state == "running", run.started), reverse=True)


def list_stopped(trainings: Sequence[TrainingStatus]) -> list[TrainingStatus]:
    """Return the interrupted and failed trainings, unless one of their name has finished since."""
    finished = {run.name: run.started for run in reversed(trainings) if run.state == "finished"}
    return [
        run
        for run in trainings
        if run.state in ("interrupted", "failed") and finished.get(run.name, 0) <= run.started
    ]


def _read(folder: Path) -> TrainingStatus | None:
    try:
        status = json.loads((folder / STATUS_FILE).read_text(encoding="utf-8"))
        state: TrainingState = "finished"
        if "error" in status:
            state = "failed"
        elif "ended" not in status:
            state = "running" if _is_locked(folder) else "interrupted"
        progress, history = _read_checkpoints(folder)
        return TrainingStatus(
            folder=folder, state=state, progress=progress, history=history, **status
        )
    except (OSError, ValueError, TypeError):
        return None  # deleted meanwhile, or not a status file


def _is_locked(folder: Path) -> bool:
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _read_checkpoints(folder: Path) -> tuple[Progress | None, tuple[HistoryRow, ...]]:
    progress, history = None, []
    files = sorted(folder.glob("checkpoint-*.json"), key=lambda file: file.stat().st_mtime)
    for checkpoint in (file.with_suffix(".safetensors") for file in files):
        progress = read_progress(checkpoint) or progress
        history += (read_metadata(checkpoint) or {}).get("history", [])
    return progress, tuple(history)


def _write(folder: Path, status: dict[str, Any]) -> None:
    write_atomic(folder / STATUS_FILE, json.dumps(status))


def typed_command() -> str:
    """Return the command of this process, quoted for the shell; empty if it is another program."""
    program = Path(sys.argv[0])
    by_module = program.parts[-2:] == ("wholescript", "__main__.py")  # python -m
    is_ours = by_module or program.stem == "wholescript"
    return shlex.join(["wholescript", *sys.argv[1:]]) if is_ours else ""
