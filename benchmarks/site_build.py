"""How long the site takes to build: our theme beside Sphinx with myst-nb and its book theme.

    python -m venv other && other/bin/pip install sphinx myst-nb sphinx-book-theme
    python benchmarks/site_build.py --sphinx other/bin/sphinx-build

Both render the same executed notebooks, copies of the report's own with labels made unique, from
nothing, in turns. Roles of ours that Sphinx does not know are replaced by their text for both, but
for `fixed`, which it is taught: our theme refuses bare numbers. Notebooks are not executed. Sphinx
reads with one process a core.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table
from tqdm.auto import tqdm

from wholescript.files import ROOT, write_atomic

ROLE = re.compile(r"\{(?:result|difference|claim)\}`([^`<]*)[^`]*`")
LINK = re.compile(r"\]\((\d\d_\w+)\.ipynb\)")
SPHINX_CONFIG = """
from docutils import nodes
from docutils.parsers.rst import roles

roles.register_generic_role("fixed", nodes.inline)
project = "Whole Script"
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath"]
suppress_warnings = ["myst", "mystnb"]
"""


def main(
    sphinx: Annotated[Path, typer.Option(help="sphinx-build of an environment with myst-nb.")],
    notebooks: Annotated[int, typer.Option(help="How many notebooks.")] = 12,
    figures: Annotated[int, typer.Option(help="How many figures in all, at most.")] = 40,
    rounds: Annotated[int, typer.Option(help="Times that each builds.")] = 5,
    output: Annotated[Path, typer.Option()] = ROOT / "benchmarks" / "results" / "site_build.json",
) -> None:
    """Build the same notebooks in turns, print the times and write them as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours", Path(folder) / "theirs"
        drawn = write_projects(ours, theirs, notebooks, figures)
        commands = {
            "wholescript": (["myst", "build", "--html", "--strict"], ours, ours / "_build"),
            "sphinx": (
                [str(sphinx.absolute()), "-q", "-j", "auto", "-b", "html", ".", "_build"],
                theirs,
                theirs / "_build",
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for number in tqdm(range(rounds + 1), desc="rounds"):
            names = list(commands) if number % 2 else list(reversed(commands))
            for name in names:
                taken = build(*commands[name])
                if number:  # the first round warms the caches of the disk
                    seconds[name].append(taken)
    medians = {name: median(times) for name, times in seconds.items()}
    result = {
        "notebooks": notebooks,
        "figures": drawn,
        "seconds": {name: [round(t, 2) for t in times] for name, times in seconds.items()},
        "median": {name: round(t, 2) for name, t in medians.items()},
        "ratio": round(medians["wholescript"] / medians["sphinx"], 3),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    write_atomic(output, json.dumps(result, indent=2) + "\n")
    table = Table("builder", "median, s", "ratio", title=f"{notebooks} notebooks, {drawn} figures")
    for name, taken in medians.items():
        table.add_row(name, f"{taken:.2f}", f"{taken / medians['sphinx']:.2f}")
    Console().print(table)


def build(command: list[str], folder: Path, output: Path) -> float:
    """Build from nothing and return the seconds taken."""
    shutil.rmtree(output, ignore_errors=True)
    shutil.rmtree(folder / ".jupyter_cache", ignore_errors=True)
    start = perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"NO_UPDATE_NOTIFIER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return perf_counter() - start


def write_projects(ours: Path, theirs: Path, notebooks: int, figures: int) -> int:
    """Write both projects and return how many figures their notebooks hold."""
    for folder in (ours, theirs):
        (folder / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "theme", ours / "theme")
    (ours / "src").symlink_to(ROOT / "src")
    (ours / "figures").mkdir()
    originals = sorted((ROOT / "notebooks").glob("*.ipynb"))
    names, drawn = [], 0
    for number in range(notebooks):
        source = originals[number % len(originals)]
        name = f"{number + 1:02d}_{source.stem.partition('_')[2]}_{number // len(originals)}"
        text, labels = copied(source, f"-{number}", figures - drawn)
        drawn += len(labels)
        names.append(f"notebooks/{name}.ipynb")
        for folder in (ours, theirs):
            (folder / names[-1]).write_text(text)
        for label in labels:
            for file in (ROOT / "figures").glob(f"{label}.*"):
                copy = file.name.replace(label, f"{label}-{number}", 1)
                shutil.copy(file, ours / "figures" / copy)
    for folder in (ours, theirs):
        (folder / "index.md").write_text("# Whole Script\n\nThe same notebooks for both.\n")
    config = yaml.safe_load((ROOT / "myst.yml").read_text())
    config["project"]["toc"] = [{"file": "index.md"}, *({"file": name} for name in names)]
    (ours / "myst.yml").write_text(yaml.safe_dump(config))
    (theirs / "conf.py").write_text(SPHINX_CONFIG)
    toctree = "\n".join(name.removesuffix(".ipynb") for name in names)
    with (theirs / "index.md").open("a") as index:
        index.write(f"\n```{{toctree}}\n{toctree}\n```\n")
    return drawn


def copied(source: Path, ending: str, room: int) -> tuple[str, list[str]]:
    """Return a notebook's text with unique labels and at most `room` figures, and its figures."""
    notebook: dict[str, Any] = json.loads(source.read_text())
    labels = []
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell{ending}-{number}"
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            text = LINK.sub(r"](https://example.org/\1)", ROLE.sub(r"\1", text))
            cell["source"] = text.splitlines(keepends=True)
            continue
        label = cell["metadata"].pop("label", "")
        if label.startswith("fig-") and len(labels) < room:
            labels.append(label)
            cell["metadata"]["label"] = label + ending
        elif label:
            cell["outputs"] = []
    return json.dumps(notebook), labels


if __name__ == "__main__":
    typer.run(main)
