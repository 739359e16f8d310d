"""Retired words are found on pages and in the prose of notebooks, and not in code."""

from pathlib import Path

import pytest

from wholescript.project import Project
from wholescript.publish.vocabulary import check_vocabulary, retired_words


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("It learned to tell apart both classes.", "tell apart"),
        ("A loss of 1.7 bits a byte.", "bits a byte"),
        ("Trained Anew.", "Anew"),
        ("It makes 0.8 times the errors.", "times the errors"),
        ("A forked model.", "forked"),
        ("The optimizer of most networks.", "optimizer"),
        ("Hidden layers are Normalized.", "Normalized"),
        ("Unlabeled reviews.", "Unlabeled"),
    ],
)
def test_a_retired_word_is_found_with_its_replacement(text: str, word: str) -> None:
    ((found, instead),) = retired_words(text)
    assert found == word
    assert instead


@pytest.mark.parametrize(
    "text",
    [
        "The judgement is the reader's.",
        "a manifold",
        "`label-sorted`",
        "bits per byte",
        "The tokenizer tokenizes prizes of an oversized, seized and resized corpus.",
        "The optimiser, unlabelled.",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert list(retired_words(text)) == []


def test_pages_and_notebook_prose_are_checked_and_code_is_not(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "report" / "page.md").write_text("The verdict of a review.")
    (tmp_path / "notebooks" / "01_demo.py").write_text(
        "# %% [markdown]\n# A gallery of errors.\n\n# %%\nverdict = 1\n"
    )
    lines = list(check_vocabulary(Project(tmp_path)))
    assert len(lines) == 2
    assert lines[0].startswith("report/page.md: 'verdict'")
    assert lines[1].startswith("notebooks/01_demo.py: 'gallery'")
