"""Write the lock files of pyproject.toml, with hashes (`make lock`, `make lock UPGRADE=1`).

uv resolves the versions for Python 3.11.5 to 3.13 on every system. What is pinned stays pinned:
only a new dependency, or one whose lower bound was raised, gets a version. `--upgrade` takes the
newest versions instead.

The pins have hashes, with which pip refuses any other file. PyTorch and what is installed with it
are the exception: its builds for CPUs and GPUs are different files of one version, and each
brings its own libraries.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = "3.11.5"  # the oldest that is supported
TORCH = "requirements-torch.lock"
LOCKS = {
    "requirements.lock": "What the report is built and rerun with, except PyTorch.",
    TORCH: "PyTorch, in the build that the index has.",
    "requirements-test.lock": "What tests and checks need besides requirements.lock.",
    "requirements-encoder.lock": "Pretrained models, to extract features of screenplays.",
    "requirements-cluster.lock": "Ray, for hyperparameter search and work on a cluster.",
}
# Of the CUDA build; each build of PyTorch names the exact versions that it needs.
_OF_TORCH = re.compile(r"^(torch|triton|cuda-.*|nvidia-.*)$")
# What these packages declare is needed for other uses or is in requirements.lock.
WITHOUT_DEPENDENCIES = ("encoder", "cluster")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def canonical(name: str) -> str:
    """Return a package name as indexes write it.

    >>> canonical("Flufl.Lock_x")
    'flufl-lock-x'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(text: str) -> dict[str, str]:
    """Return the versions in a lock file by canonical name."""
    return {canonical(name): version for name, version in _REQUIREMENT.findall(text)}


def blocks(text: str) -> dict[str, str]:
    """Return the lines of each requirement of a lock file, hashes included, by canonical name.

    A package can have several: versions for different Pythons.
    """
    found: dict[str, str] = {}
    for part in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE):
        for name in read_pins(part):
            found[name] = found.get(name, "") + part
    return dict(sorted(found.items()))


def split(run: str, test: str) -> dict[str, str]:
    """Return the contents of three lock files from two resolutions: without and with `dev`."""
    run_blocks, test_blocks = blocks(run), blocks(test)
    torch = read_pins(run)["torch"]
    keep = {name: b for name, b in run_blocks.items() if not _OF_TORCH.match(name)}
    more = {n: b for n, b in test_blocks.items() if n not in run_blocks and not _OF_TORCH.match(n)}
    return {
        "requirements.lock": "".join(keep.values()),
        "requirements-test.lock": "".join(more.values()),
        TORCH: f"torch=={torch}\n",
    }


def resolve(source: str, pinned: str, options: Sequence[str] = ()) -> str:
    """Return the resolution of a file of requirements with hashes; it keeps the pins in `pinned`.

    Exits if there is none; uv has then said why.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "resolved.txt"
        # uv prefers the versions that it finds in its output file.
        output.write_text(pinned, encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", source, "--quiet", "--universal"]
        command += ["--python-version", PYTHON, "--fork-strategy", "fewest", "--generate-hashes"]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--output-file", str(output), *options]
        if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode:
            sys.exit(f"the requirements of {source} cannot be resolved: no lock file was written")
        return output.read_text(encoding="utf-8")


def header(name: str, what: str) -> str:
    """Return the comment that begins a lock file."""
    return f"# {what[0].upper()}{what[1:]}. Written by `make lock`.\n"


def all_pins() -> str:
    """Return the contents of all lock files of the repository."""
    paths = sorted(ROOT.glob("requirements*.lock"))
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def main() -> None:
    """Write all lock files and print which pins changed."""
    parser = argparse.ArgumentParser(description="Write the lock files of pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    before = all_pins()
    pinned = "" if parser.parse_args().upgrade else before
    run = resolve("pyproject.toml", pinned)
    # The tests run with the versions of the report, whose pins come first.
    texts = split(run, resolve("pyproject.toml", run + pinned, ["--extra", "dev"]))
    for extra in WITHOUT_DEPENDENCIES:
        lock = resolve(f"setup/{extra}.in", pinned, ["--no-deps"])
        texts[f"requirements-{extra}.lock"] = "".join(blocks(lock).values())
    for file, what in LOCKS.items():
        text = f"# {what} Written by `make lock`.\n{texts[file]}"
        (ROOT / file).write_text(text, encoding="utf-8")
    old, new = read_pins(before), read_pins(all_pins())
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    for name in changed:
        print(f"{name}: {old.get(name, 'new')} -> {new.get(name, 'gone')}")
    print(f"{len(new) - sum(name in new for name in changed)} of {len(new)} pins as before")


if __name__ == "__main__":
    main()
