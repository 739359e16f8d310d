"""Proper names in a vocabulary: words that are mostly capitalized inside sentences."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from wholescript.errors import BundleError, DataError
from wholescript.files import ROOT, write_atomic

NAMES_FILE = ROOT / "data" / "screenplays" / "names.txt"
MIN_CAPITALIZED_SHARE = 0.5
"""Smallest share of capitalized uses; `mark` and `rose` are then names, `white` is not."""

# After a lower-case letter or a comma only names are capitalized; cues and sluglines do not occur.
_MID_SENTENCE_WORD = re.compile(r"(?<=[a-z,] )[^\W\d_]{2,}(?:'[^\W\d_]+)*")


def find_proper_names(texts: Iterable[str], vocabulary: Iterable[str]) -> list[str]:
    """Return the words of `vocabulary` (lower case) that are capitalized as names, sorted.

    These are names of people, places and brands, also titles and languages. Words in all capitals
    are not counted; words that begin with `i'`, such as i'm, are excluded.
    """
    capitalized: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for text in texts:
        for word in _MID_SENTENCE_WORD.findall(text.replace("\u2019", "'")):
            if word.islower():
                lower[word] += 1
            elif word[0].isupper() and not word.isupper():
                capitalized[word.lower()] += 1
    return sorted(
        word
        for word in set(vocabulary)
        if capitalized[word] >= MIN_CAPITALIZED_SHARE * (capitalized[word] + lower[word]) > 0
        and not word.startswith("i'")
    )


def write_proper_names(
    texts: Iterable[str], vocabulary: Iterable[str], path: Path = NAMES_FILE
) -> int:
    """Write the result of `find_proper_names`, one word per line, and return their number.

    Raises:
        DataError: no word is capitalized; the texts were probably lower-cased.
    """
    names = find_proper_names(texts, vocabulary)
    if not names:
        raise DataError(
            "no word is capitalised inside a sentence: give texts in their original case"
        )
    write_atomic(path, "\n".join(names) + "\n")
    return len(names)


def read_proper_names(path: Path = NAMES_FILE) -> frozenset[str]:
    """Read the list of proper names.

    Raises:
        BundleError: the file is absent.
    """
    if not path.is_file():
        raise BundleError(
            f"{path.name} is missing: restore it from git, or run `wholescript data proper-names`"
        )
    return frozenset(path.read_text(encoding="utf-8").split())
