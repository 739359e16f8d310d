"""Trainings that are under way, were interrupted, failed or are done, as files tell of them.

A training holds a lock on its folder for as long as its process lives: the system lets go of it
however the process ends, so that a killed training shows as interrupted and never as running.
"""

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from wholescript.errors import RunError
from wholescript.files import write_atomic
from wholescript.project import Project
from wholescript.training.checkpoint import read_metadata
from wholescript.training.loop import HistoryRow
from wholescript.training.progress import Progress, read_progress

STATUS_FILE, LOCK_FILE = "training.json", "training.lock"
LOCK_TIMEOUT_S = (
    2.0  # seconds: whoever asks for the state of a training holds its lock for a moment
)

TrainingState = Literal["running", "interrupted", "failed", "finished"]


@dataclass(frozen=True)
class TrainingStatus:
    """A training, in `folder`; `command` begins it again, and goes on from its last checkpoint.

    `progress` is that of its last phase, and None before the first step; `history` has its finished
    epochs. `started` and `ended` are seconds since 1970.
    """

    name: str
    folder: Path
    state: TrainingState
    command: str
    started: float
    ended: float | None = None
    error: str = ""
    progress: Progress | None = None
    history: tuple[HistoryRow, ...] = ()


@contextmanager
def training_lock(folder: Path, name: str) -> Iterator[None]:
    """Tell of a training of `name` in `folder` from its begin to its end, good or bad.

    Of a good end its checkpoints are deleted, which nobody goes on from.

    Raises:
        RunError: another process is at it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=LOCK_TIMEOUT_S)
    except Timeout:
        raise RunError(
            f"another process is training {name}: wait for it (`wholescript status`), or stop it"
        ) from None
    note: dict[str, Any] = {"name": name, "command": _command(), "started": time.time()}
    try:
        _write(folder, note)
        yield
        _write(folder, note | {"ended": time.time()})
        for checkpoint in folder.glob("checkpoint-*"):
            checkpoint.unlink()
    except Exception as error:
        _write(folder, note | {"ended": time.time(), "error": str(error) or type(error).__name__})
        raise
    finally:
        lock.release()


def list_trainings(project: Project) -> list[TrainingStatus]:
    """Return every training that this tree has a folder of: running ones, then the last begun."""
    notes = (project.build / "training").glob(f"*/{STATUS_FILE}")
    found = [run for note in notes if (run := _read(note.parent)) is not None]
    return sorted(found, key=lambda run: (run.state == "running", run.started), reverse=True)


def _read(folder: Path) -> TrainingStatus | None:
    try:
        note = json.loads((folder / STATUS_FILE).read_text(encoding="utf-8"))
        state: TrainingState = "finished"
        if "error" in note:
            state = "failed"
        elif "ended" not in note:
            state = "running" if _is_locked(folder) else "interrupted"
        progress, history = _read_checkpoints(folder)
        return TrainingStatus(
            folder=folder, state=state, progress=progress, history=history, **note
        )
    except (OSError, ValueError, TypeError):
        return None  # it is being deleted, or somebody else's


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
    notes = sorted(folder.glob("checkpoint-*.json"), key=lambda note: note.stat().st_mtime)
    for checkpoint in (note.with_suffix(".safetensors") for note in notes):
        progress = read_progress(checkpoint) or progress
        history += (read_metadata(checkpoint) or {}).get("history", [])
    return progress, tuple(history)


def _write(folder: Path, note: dict[str, Any]) -> None:
    write_atomic(folder / STATUS_FILE, json.dumps(note))


def _command() -> str:
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
