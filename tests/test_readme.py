"""The table of the README holds stored numbers, its commands and files exist, pages repeat them."""

import re

import pytest

from wholescript.data.film_columns import LOCAL_COLUMNS
from wholescript.data.films.sources import FILM_COLUMNS, LOCAL_OPTIONAL, SUMMARY
from wholescript.experiments.results import Results
from wholescript.files import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNS = {
    "release year alone": "evaluation/control-year",
    "gated attention on frozen chunk embeddings": "training/gated-attention",
    "TF-IDF + logistic regression": "evaluation/tfidf-logistic",
    "n-grams of one to three words + logistic regression": "evaluation/ngrams",
    "stacking of TF-IDF and three aggregators": "evaluation/stacking",
}


def test_table_has_the_stored_numbers() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| (\d\.\d+ \| [^|]+) \|$", README, re.MULTILINE))
    results = Results(ROOT / "results")
    stored = {}
    for label, run in RUNS.items():
        auc = results.metrics(run)["auc"]
        stored[label] = f"{auc.value:.3f} | {auc.low:.3f} to {auc.high:.3f}"
    assert rows == stored


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", README))
def test_linked_file_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_columns_of_films_are_named() -> None:
    described = README[README.index("`films.parquet` has a row per film") :].split("\n\n")[0]
    assert {*FILM_COLUMNS, "text", "nominated_for_writing"} <= set(
        re.findall(r"`(\w+)`", described)
    )


def test_every_column_of_films_is_described_once() -> None:
    assert set(LOCAL_COLUMNS) == {*FILM_COLUMNS, *LOCAL_OPTIONAL, "text", SUMMARY}
    named = set(re.findall(r"`(\w+)`", README[README.index("`films.parquet` has a row") :]))
    required = [name for name, column in LOCAL_COLUMNS.items() if column.needed == "yes"]
    assert {*required, "group", "summary"} <= named
    assert "film-columns" in (ROOT / "report" / "data.md").read_text(encoding="utf-8")


def test_the_page_on_installation_has_the_commands_of_the_readme() -> None:
    page = (ROOT / "report" / "install.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    lines = re.sub(r"\s*\\\n\s*", " ", blocks).splitlines()
    commands = [line.partition("#")[0].strip() for line in lines]
    assert len(commands) > 10
    assert [command for command in commands if command and command not in README] == []
    too_long = [line for line in blocks.splitlines() if len(line) > 41]  # on a phone
    assert too_long == []
