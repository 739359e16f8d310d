"""Which words are names: those that writers capitalise in the midst of a sentence."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from wholescript.errors import BundleError, DataError
from wholescript.files import ROOT, write_atomic

NAMES = ROOT / "data" / "names.txt"
LEAST_SHARE = 0.5
"""A name is capitalised more often than not; `mark` and `rose` are then names, `white` is none."""

# After a small letter or a comma nothing but a name takes a capital, and no cue or slugline stands.
_INSIDE = re.compile(r"(?<=[a-z,] )[^\W\d_]{2,}(?:'[^\W\d_]+)*")


def find_names(texts: Iterable[str], vocabulary: Iterable[str]) -> list[str]:
    """Return the words of `vocabulary` (lower case) that `texts` write as names, sorted.

    Names of people, places and makes, and what is written like one: titles, languages, God. Words
    in capitals throughout count for neither side, nor does what `i'` begins.
    """
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        for word in _INSIDE.findall(text.replace("\u2019", "'")):
            if word.islower():
                small[word] += 1
            elif word[0].isupper() and not word.isupper():
                capital[word.lower()] += 1
    return sorted(
        word
        for word in set(vocabulary)
        if capital[word] >= LEAST_SHARE * (capital[word] + small[word]) > 0
        and not word.startswith("i'")
    )


def write_names(texts: Iterable[str], vocabulary: Iterable[str], path: Path = NAMES) -> int:
    """Write what `find_names` finds, a word a line, and return how many.

    Raises:
        DataError: no text capitalises anything: it has lost its capitals.
    """
    names = find_names(texts, vocabulary)
    if not names:
        raise DataError("no word is capitalised inside a sentence: give texts with capitals")
    write_atomic(path, "\n".join(names) + "\n")
    return len(names)


def read_names(path: Path = NAMES) -> frozenset[str]:
    """Read the words that are names.

    Raises:
        BundleError: the file is absent.
    """
    if not path.is_file():
        raise BundleError(
            f"{path.name} is missing: restore it from git, or run `wholescript names`"
        )
    return frozenset(path.read_text(encoding="utf-8").split())
