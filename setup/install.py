"""Install lock files with pip, and show how far it is (`python setup/install.py LOCK...`).

pip itself prints hundreds of lines, or nothing for minutes. Its output, warnings included, is
printed only if it fails.
"""

import os
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Its builds need different libraries: pip finds them, so there are no hashes.
WITH_DEPENDENCIES = ("requirements-torch.lock",)
SECONDS_BETWEEN_LINES = 15  # where the output is no terminal
_FOUND = re.compile(r"^(?:Collecting|Requirement already satisfied:) ", re.MULTILINE)
_REQUIREMENT = re.compile(r"^[A-Za-z0-9]", re.MULTILINE)


def command(lock: str) -> list[str]:
    """Return the command of pip for a lock file; all but PyTorch are checked by hash."""
    pip = [sys.executable, "-m", "pip", "install", "--progress-bar", "off", "--requirement", lock]
    return pip if lock in WITH_DEPENDENCIES else [*pip, "--no-deps", "--require-hashes"]


def installed() -> int:
    """Return the number of packages in this environment."""
    return sum(1 for _ in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


def run(what: str, arguments: list[str], progress: Callable[[str], str]) -> None:
    """Run a command and print its progress, which is computed from its output.

    Exits with the output of the command if it fails.
    """
    environment = os.environ | {"PIP_ROOT_USER_ACTION": "ignore", "PYTHONUNBUFFERED": "1"}
    start, shown, lines = time.monotonic(), 0.0, list[str]()
    process = subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    reader = threading.Thread(target=lines.extend, args=(process.stdout or (),))
    reader.start()
    while reader.is_alive():
        reader.join(timeout=1)
        seconds = time.monotonic() - start
        text = f"{what}: {progress(''.join(lines))}, {seconds:.0f} s"
        if sys.stdout.isatty():
            print(f"\r\x1b[K{text}", end="", flush=True)
        elif seconds - shown > SECONDS_BETWEEN_LINES:
            print(text, flush=True)
            shown = seconds
    if process.wait():
        sys.exit(f"\n{''.join(lines)}\n{what}: pip failed; its output is above")
    end = "\r\x1b[K" if sys.stdout.isatty() else ""
    print(f"{end}{what}: done in {time.monotonic() - start:.0f} s", flush=True)


def main(locks: list[str]) -> None:
    """Install lock files in this environment; with the first also the package, editable."""
    for lock in locks:
        total = len(_REQUIREMENT.findall((ROOT / lock).read_text(encoding="utf-8")))
        before = installed()

        def progress(output: str, total: int = total, before: int = before) -> str:
            done, found = installed() - before, len(_FOUND.findall(output))
            return (
                f"{done} of {total} installed" if done > 0 else f"{found} of {total} packages found"
            )

        run(lock, command(lock), progress)
    if "requirements.lock" in locks:
        package = [sys.executable, "-m", "pip", "install", "--no-deps", "--editable", "."]
        run("wholescript", package, lambda output: "building")


if __name__ == "__main__":
    main(sys.argv[1:])
