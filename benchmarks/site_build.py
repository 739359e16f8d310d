"""Build time of the site: MyST with this project's theme, and Sphinx with myst-nb.

    python -m venv other && other/bin/pip install sphinx myst-nb sphinx-book-theme
    python benchmarks/site_build.py --sphinx other/bin/sphinx-build

Both build the same executed notebooks from scratch, alternately: copies of the report's notebooks
with unique labels. Roles that Sphinx does not know are replaced by their text for both, except
`fixed`, which is registered in Sphinx because this theme refuses bare numbers. Notebooks are not
executed. Sphinx reads with one process per core.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import timing
import yaml
from cyclopts import Parameter, run

from wholescript.experiments.environment import device_name
from wholescript.files import ROOT

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
    sphinx: Annotated[
        Path, Parameter(help="Path of sphinx-build, in an environment with myst-nb.")
    ],
    n_notebooks: Annotated[int, Parameter(help="Number of notebooks.")] = 12,
    max_figures: Annotated[int, Parameter(help="Maximum number of figures in total.")] = 40,
    rounds: timing.Rounds = 5,
    output: timing.Output = timing.RESULTS / "site_build.json",
) -> None:
    """Time builds by both tools; print and write seconds and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        myst_project, sphinx_project = Path(folder) / "myst", Path(folder) / "sphinx"
        n_figures = write_projects(myst_project, sphinx_project, n_notebooks, max_figures)
        myst = ["myst", "build", "--html", "--strict"]
        sphinx_build = [str(sphinx.absolute()), "-q", "-j", "auto", "-b", "html", ".", "_build"]
        timers = {
            "wholescript": partial(build, myst, myst_project),
            "sphinx": partial(build, sphinx_build, sphinx_project),
        }
        seconds = timing.time_alternately(timers, rounds)
    result = {
        "notebooks": n_notebooks,
        "figures": n_figures,
        "seconds": seconds,
        "median": {name: median(times) for name, times in seconds.items()},
        "wholescript_over_sphinx": timing.median_ratio(seconds["wholescript"], seconds["sphinx"]),
        "device": device_name(),
    }
    timing.write_result(output, result)


def build(command: list[str], folder: Path) -> float:
    """Build from scratch and return the seconds."""
    shutil.rmtree(folder / "_build", ignore_errors=True)
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


def write_projects(
    myst_project: Path, sphinx_project: Path, n_notebooks: int, max_figures: int
) -> int:
    """Write both projects and return the number of figures in their notebooks."""
    for folder in (myst_project, sphinx_project):
        (folder / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "theme", myst_project / "theme")
    (myst_project / "src").symlink_to(ROOT / "src")
    (myst_project / "figures").mkdir()
    originals = sorted((ROOT / "notebooks").glob("*.ipynb"))
    names, n_figures = [], 0
    for number in range(n_notebooks):
        source = originals[number % len(originals)]
        name = f"{number + 1:02d}_{source.stem.partition('_')[2]}_{number // len(originals)}"
        text, labels = copy_notebook(source, f"-{number}", max_figures - n_figures)
        n_figures += len(labels)
        names.append(f"notebooks/{name}.ipynb")
        for folder in (myst_project, sphinx_project):
            (folder / names[-1]).write_text(text)
        for label in labels:
            for file in (ROOT / "figures").glob(f"{label}.*"):
                copy = file.name.replace(label, f"{label}-{number}", 1)
                shutil.copy(file, myst_project / "figures" / copy)
    for folder in (myst_project, sphinx_project):
        (folder / "index.md").write_text("# Whole Script\n\nThe same notebooks for both.\n")
    config = yaml.safe_load((ROOT / "myst.yml").read_text())
    config["project"]["toc"] = [{"file": "index.md"}, *({"file": name} for name in names)]
    (myst_project / "myst.yml").write_text(yaml.safe_dump(config))
    (sphinx_project / "conf.py").write_text(SPHINX_CONFIG)
    toctree = "\n".join(name.removesuffix(".ipynb") for name in names)
    with (sphinx_project / "index.md").open("a") as index:
        index.write(f"\n```{{toctree}}\n{toctree}\n```\n")
    return n_figures


def copy_notebook(source: Path, suffix: str, max_figures: int) -> tuple[str, list[str]]:
    """Return a notebook with unique labels and at most `max_figures` figures, and their labels."""
    notebook: dict[str, Any] = json.loads(source.read_text())
    labels: list[str] = []
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell{suffix}-{number}"
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            text = LINK.sub(r"](https://example.org/\1)", ROLE.sub(r"\1", text))
            cell["source"] = text.splitlines(keepends=True)
            continue
        label = cell["metadata"].pop("label", "")
        if label.startswith("fig-") and len(labels) < max_figures:
            labels.append(label)
            cell["metadata"]["label"] = label + suffix
        elif label:
            cell["outputs"] = []
    return json.dumps(notebook), labels


if __name__ == "__main__":
    run(main)
