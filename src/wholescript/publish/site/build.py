"""Build the site with mystmd, only if one of its inputs has changed."""

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
from wholescript.publish.pairs import find_edit
from wholescript.publish.site.archive import ARCHIVE, write_archive
from wholescript.publish.source_lines import linked_modules

ERROR_MARK = "⛔"  # before an error in the output of mystmd
COMMAND = ("myst", "build", "--html", "--strict")
ARCHIVE_VARIABLE = "WHOLESCRIPT_ARCHIVE"
"""The environment variable that tells the theme the name of the archive at the site's root."""
_PAGES = (
    "myst.yml",
    "CITATION.cff",
    "index.md",
    "report/**/*",
    "data/*/README.md",  # linked by a page
    "notebooks/*.ipynb",
    "notebooks/*.py",
    "figures/**/*",
    "results/*/runs.json",
    "theme/**/*",
    "requirements.lock",  # pins mystmd and the libraries of the theme
)
_DIAGRAMS = "report/diagrams/*.svg"
# The modules that the theme and the plugin import; those that diagrams link to are inputs, too.
_MODULES = (
    "wholescript/*.py",
    "wholescript/data/datasets.py",
    "wholescript/data/film_columns.py",
    "wholescript/experiments/display_names.py",
    "wholescript/experiments/metrics.py",
    "wholescript/experiments/published.py",
    "wholescript/experiments/registry.py",
    "wholescript/experiments/results.py",
    "wholescript/publish/claims.py",
    "wholescript/publish/provenance/read.py",
    "wholescript/publish/quantity_names.py",
    "wholescript/publish/series.py",
    "wholescript/publish/source_lines.py",
    "wholescript/publish/tables/*.py",
)


@dataclass(frozen=True)
class Build:
    """The result of a build: the key of its inputs, and the output of mystmd if captured."""

    key: str
    ok: bool
    skipped: bool = False
    output: str = ""


def site_key(project: Project) -> str:
    """Return one hash over the names and contents of all inputs of the site."""
    digest = hashlib.sha256()
    for name, path in _inputs(project):
        # An editor may have deleted a file after it was listed.
        with suppress(FileNotFoundError):
            digest.update(f"{name}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def input_times(project: Project) -> dict[str, int]:
    """Return the time of the last change of each input of the site, in nanoseconds, by name."""
    times = {}
    for name, path in _inputs(project):
        with suppress(FileNotFoundError):
            times[name] = path.stat().st_mtime_ns
    return times


def _inputs(project: Project) -> list[tuple[str, Path]]:
    linked = (
        f"{module.replace('.', '/')}.py"
        for diagram in project.root.glob(_DIAGRAMS)
        for module in linked_modules(diagram.read_text(encoding="utf-8"))
    )
    return sorted({*_files(project.root, _PAGES), *_files(project.source, (*_MODULES, *linked))})


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    for pattern in patterns:
        for path in folder.glob(pattern):
            parts = path.relative_to(folder).parts
            # Editors write hidden files.
            hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
            if path.is_file() and not hidden:
                yield "/".join(parts), path


def build_site(project: Project, *, quiet: bool = False, snapshots: Path | None = None) -> Build:
    """Build `_build/html` with its archive, unless it is current.

    mystmd empties the folder first, and after a failed build it stays empty. The output of mystmd
    goes to the terminal, or with `quiet` to `Build.output`. With `snapshots`, a successful build
    is copied to `<snapshots>/<key>`. A notebook that was edited, where its source does not have the
    edit, is not published: the build fails.
    """
    html, key_file = project.build / "html", project.build / "site.key"
    project.build.mkdir(exist_ok=True)
    with FileLock(project.build / "site.lock"):
        # Taken before the build: edits made during the build are not part of it.
        key = site_key(project)
        built = key_file.read_text() if key_file.exists() else ""
        # A mystmd run by hand deletes the archive: the site is then not from this function.
        current = built == key and (html / ARCHIVE).exists()
        build = Build(key, ok=True, skipped=True)
        if not current and (edits := _edits(project)):
            if not quiet:
                print(edits)
            build = Build(key, ok=False, output=edits)
        elif not current:
            key_file.unlink(missing_ok=True)
            build = _run_mystmd(project, key, quiet=quiet)
            if build.ok:
                write_archive(project)
                write_atomic(key_file, key)
        if build.ok and snapshots is not None and not (snapshots / key).exists():
            shutil.copytree(html, snapshots / key)
    return build


def _edits(project: Project) -> str:
    found = (find_edit(project, name) for name in project.notebook_names())
    return "\n".join(filter(None, found))


def _run_mystmd(project: Project, key: str, *, quiet: bool) -> Build:
    tools = str(Path(sys.executable).parent)  # mystmd, its Node and the theme's Python
    lines = []
    with subprocess.Popen(
        COMMAND,
        cwd=project.root,
        env=os.environ
        | {
            "PATH": tools + os.pathsep + os.environ.get("PATH", os.defpath),
            ARCHIVE_VARIABLE: ARCHIVE,
            "NO_UPDATE_NOTIFIER": "1",  # otherwise mystmd asks a registry for a newer version
            "NODE_COMPILE_CACHE": str(project.build / "node"),  # saves 0.2 s
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            if not quiet:
                print(line, end="", flush=True)
    # Even with --strict, mystmd calls some errors none, such as a front matter that it cannot read.
    ok = process.returncode == 0 and not any(ERROR_MARK in line for line in lines)
    return Build(key, ok=ok, output="".join(lines))


def extract_errors(output: str) -> str:
    """Return the part of a failed build's output that has the errors; all of it if not found.

    mystmd repeats each error and has a summary at the end; the errors of the theme follow the line
    with its command.
    """
    text = output.partition("Myst CLI Versions")[0]
    for heading in ("Command failed: ", "📚 Built "):
        if heading in text:
            text = text.rpartition(heading)[2].partition("\n")[2]
            break
    return re.sub(r"\n\s*\n+", "\n", text).strip() or output.strip()
