"""The site, built by mystmd only when something that it is made of has changed."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from wholescript.files import sha256_of, write_atomic
from wholescript.project import Project
from wholescript.publish.site.archive import ARCHIVE, write_archive

COMMAND = ("myst", "build", "--html", "--strict")
ARCHIVE_VARIABLE = "WHOLESCRIPT_ARCHIVE"
"""Tells the theme the name of the archive that will lie beside the front page."""
_PAGES = (
    "myst.yml",
    "index.md",
    "report/**/*",
    "notebooks/*.ipynb",
    "notebooks/*.py",
    "figures/**/*",
    "results/*/*/config.json",
    "results/*/*/metrics.json",
    "results/*/*/history.csv",
    "theme/**/*",
    "requirements.lock",  # pins mystmd and what the theme is written with
)
_MODULES = ("wholescript/*.py", "wholescript/report/*.py")  # the theme imports some of them


@dataclass(frozen=True)
class Build:
    """How a build ended: the key of what it was made of, and what was said where it was kept."""

    key: str
    ok: bool
    skipped: bool = False
    output: str = ""


def site_key(project: Project) -> str:
    """Return one hash over the names and contents of all that the site is made of."""
    digest = hashlib.sha256()
    for name, path in sorted({*_files(project.root, _PAGES), *_files(project.source, _MODULES)}):
        # An editor may have taken a file away since it was listed.
        with suppress(FileNotFoundError):
            digest.update(f"{name}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    for pattern in patterns:
        for path in folder.glob(pattern):
            parts = path.relative_to(folder).parts
            # Hidden files are those of editors.
            hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
            if path.is_file() and not hidden:
                yield "/".join(parts), path


def build_site(project: Project, *, quiet: bool = False, snapshots: Path | None = None) -> Build:
    """Build `_build/html` with its archive, unless it is current already.

    mystmd empties that folder before it writes, and after a failed build it stays empty.
    What mystmd says goes to the terminal, or with `quiet` into the answer. A good site is copied
    to the folder `snapshots` where one is given, under the name of its key.
    """
    html, key_file = project.build / "html", project.build / "site.key"
    project.build.mkdir(exist_ok=True)
    with FileLock(project.build / "site.lock"):
        # What is edited while the site is built is not in it: the key is taken before.
        key = site_key(project)
        built = key_file.read_text() if key_file.exists() else ""
        # Whoever runs mystmd by hand sweeps the archive away, and it is then no longer ours.
        current = built == key and (html / ARCHIVE).exists()
        build = Build(key, ok=True, skipped=True)
        if not current:
            key_file.unlink(missing_ok=True)
            build = _run_mystmd(project, key, quiet=quiet)
            if build.ok:
                write_archive(project)
                write_atomic(key_file, key)
        if build.ok and snapshots is not None and not (snapshots / key).exists():
            shutil.copytree(html, snapshots / key)
    return build


def _run_mystmd(project: Project, key: str, *, quiet: bool) -> Build:
    tools = str(Path(sys.executable).parent)  # mystmd, its Node and the theme's Python
    done = subprocess.run(
        COMMAND,
        cwd=project.root,
        env=os.environ
        | {
            "PATH": tools + os.pathsep + os.environ.get("PATH", os.defpath),
            ARCHIVE_VARIABLE: ARCHIVE,
            "NO_UPDATE_NOTIFIER": "1",  # mystmd would ask a registry for a newer version
            "NODE_COMPILE_CACHE": str(project.build / "node"),  # a fifth of a second saved
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Build(key, ok=done.returncode == 0, output=done.stdout or "")


def extract_errors(output: str) -> str:
    """Return of what a failed build said the part that tells why; all of it where none is known.

    mystmd repeats each error as it goes on, and sums up at the end; what the theme found stands
    once more under the line that names its command.
    """
    text = output.partition("Myst CLI Versions")[0]
    for before in ("Command failed: ", "📚 Built "):
        if before in text:
            text = text.rpartition(before)[2].partition("\n")[2]
            break
    return re.sub(r"\n\s*\n+", "\n", text).strip() or output.strip()
