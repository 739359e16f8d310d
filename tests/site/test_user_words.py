"""Words of users reach the tables and printed lines of a built page as they were written."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from bs4 import BeautifulSoup
from hypothesis import given, settings

from tests.user_texts import LOOKS_LIKE_MARKUP, OBEYED_BY_TERMINALS, words
from wholescript.printable import printable
from wholescript.project import Project
from wholescript.publish.execution import run_notebook

NOTEBOOK = """# %% [markdown]
# # Words

# %% tags=["parameters"]
seed = 0  # any whole number
scale = "cpu"  # smoke | cpu | full

# %%
import json
from pathlib import Path

import pandas as pd

from wholescript.publish.cells import begin_notebook, show_table

notebook = begin_notebook("01_demo", globals())
listed = json.loads(Path("words.json").read_text("utf-8"))

# %% label="tbl-words"
show_table(pd.DataFrame({"class": listed, "texts": range(len(listed))}), "tbl-words")

# %%
for word in listed:
    print(repr(word))
"""


def draw_words(n: int) -> list[str]:
    """Return the fixed words, and about `n` drawn by hypothesis."""
    drawn = set(LOOKS_LIKE_MARKUP + OBEYED_BY_TERMINALS)

    @settings(max_examples=n, deadline=None)
    @given(words().filter(bool))
    def draw(word: str) -> None:
        drawn.add(word)

    draw()
    return sorted(drawn)


def test_any_words_are_on_a_page_as_they_were_written(
    executed_project: Path,
    build: Callable[[Path], subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    drawn, project = draw_words(150), tmp_path / "project"
    shutil.copytree(executed_project, project, symlinks=True)
    shutil.rmtree(project / "figures")
    for page in ("index.md", "report/study.md"):
        (project / page).write_text("# Words\n\nThey are in the notebook.\n", encoding="utf-8")
    (project / "notebooks" / "01_demo.py").write_text(NOTEBOOK, encoding="utf-8")
    (project / "words.json").write_text(json.dumps(drawn), encoding="utf-8")
    run_notebook("01_demo", project=Project(project))
    built = build(project)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = [path.read_text("utf-8") for path in (project / "_build" / "html").rglob("*.html")]
    page = next(text for text in pages if 'id="tbl-words"' in text)
    soup = BeautifulSoup(page, "html.parser")
    shown = [row.find("td").get_text() for row in soup.select("#tbl-words tbody tr")]
    assert list(map(squeeze, shown)) == [squeeze(printable(word)) for word in drawn]
    printed = soup.select_one("pre.plain").get_text().splitlines()
    assert printed == [repr(word) for word in drawn]


def squeeze(text: str) -> str:
    """Return a text with single spaces between its words, as a browser shows it."""
    return " ".join(text.split())
