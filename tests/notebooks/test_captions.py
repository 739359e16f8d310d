"""Each figure and table has one caption: on the page that shows it, or else in its cell."""

import re
from collections import Counter

import yaml

from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.publish.normalize import read_source
from wholescript.publish.tables.pages import read_directives

PAGES = [ROOT / "index.md", *sorted((ROOT / "report").glob("*.md"))]
PROJECT = Project(ROOT)
CELLS = [
    cell
    for name in PROJECT.notebook_names()
    for cell in read_source(PROJECT.notebook_source(name)).cells
    if cell.metadata.get("label", "").startswith(("fig-", "tbl-"))
]
CAPTIONS = {
    cell.metadata["label"]: found[1]
    for cell in CELLS
    if (found := re.match(r"#\| short-caption: (\w.*\.)\n", cell.source))
}


def test_cells_have_a_caption_unless_a_page_shows_them() -> None:
    shown = {f.argument[1:] for page in PAGES for f in read_directives(page) if f.name == "figure"}
    labels = {cell.metadata["label"] for cell in CELLS}
    assert len(labels) == len(CELLS) > 100
    assert set(CAPTIONS) == labels - shown


def test_captions_are_valid_yaml() -> None:
    """As mystmd reads them: a colon in the text is an error."""
    for caption in CAPTIONS.values():
        assert yaml.safe_load(f"short-caption: {caption}") == {"short-caption": caption}


def test_no_caption_is_typed_twice() -> None:
    assert max(Counter(CAPTIONS.values()).values()) == 1
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert not [caption for caption in CAPTIONS.values() if caption in pages]
