"""Which words are names: those that writers capitalise in the midst of a sentence."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from wholescript.errors import BundleError, DataError
from wholescript.files import ROOT, write_atomic

NAMES_FILE = ROOT / "data" / "names.txt"
MIN_CAPITALIZED_SHARE = 0.5
"""A name is capitalised more often than not; `mark` and `rose` are then names, `white` is none."""

# After a small letter or a comma nothing but a name takes a capital, and no cue or slugline stands.
_MID_SENTENCE_WORD = re.compile(r"(?<=[a-z,] )[^\W\d_]{2,}(?:'[^\W\d_]+)*")


def find_proper_names(texts: Iterable[str], vocabulary: Iterable[str]) -> list[str]:
    """Return the words of `vocabulary` (lower case) that `texts` write as names, sorted.

    Names of people, places and makes, and what is written like one: titles, languages, God. Words
    in capitals throughout count for neither side, nor does what `i'` begins.
    """
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        for word in _MID_SENTENCE_WORD.findall(text.replace("\u2019", "'")):
            if word.islower():
                small[word] += 1
            elif word[0].isupper() and not word.isupper():
                capital[word.lower()] += 1
    return sorted(
        word
        for word in set(vocabulary)
        if capital[word] >= MIN_CAPITALIZED_SHARE * (capital[word] + small[word]) > 0
        and not word.startswith("i'")
    )


def write_proper_names(
    texts: Iterable[str], vocabulary: Iterable[str], path: Path = NAMES_FILE
) -> int:
    """Write what `find_proper_names` finds, a word a line, and return how many.

    Raises:
        DataError: no text capitalises anything: it has lost its capitals.
    """
    names = find_proper_names(texts, vocabulary)
    if not names:
        raise DataError("no word is capitalised inside a sentence: give texts with capitals")
    write_atomic(path, "\n".join(names) + "\n")
    return len(names)


def read_proper_names(path: Path = NAMES_FILE) -> frozenset[str]:
    """Read the words that are names.

    Raises:
        BundleError: the file is absent.
    """
    if not path.is_file():
        raise BundleError(
            f"{path.name} is missing: restore it from git, or run `wholescript names`"
        )
    return frozenset(path.read_text(encoding="utf-8").split())
