"""Scene structure and punctuation of a script."""

import re

import numpy as np
from numpy.typing import NDArray

# Adjacent repetitions never match the same characters, so the time is linear in the length.
_PER_THOUSAND_WORDS = {
    "sluglines": re.compile(r"(?m)^[ \t]*(?:\d\S*[ \t]+)?(?:INT|EXT|I/E)\b"),
    "cues": re.compile(
        r"(?m)^[ \t]*[A-Z][A-Z.'#-]*(?: [A-Z.'#-]+){0,3}[ \t]*(?:\([^)\n]*\)[ \t]*)?$"
    ),
    "parentheticals": re.compile(r"(?m)^[ \t]*\("),
    "transitions": re.compile(r"\b(?:CUT|DISSOLVE|FADE) (?:TO|IN|OUT)\b"),
    "questions": re.compile(r"\?"),
    "exclamations": re.compile(r"!"),
    "ellipses": re.compile(r"\.\.+|\u2026"),
    "dashes": re.compile(r"--+|\u2014"),
    "commas": re.compile(r","),
    "capital_words": re.compile(r"\b[A-Z]{2,}\b"),
    "digits": re.compile(r"\d"),
}
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++(?=\s|$)")
LAYOUT_NAMES = (*_PER_THOUSAND_WORDS, "words_per_line", "words_per_sentence")


def measure_layout(text: str) -> NDArray[np.float32]:
    """Return one value per name of `LAYOUT_NAMES`, float32.

    Counts are per 1,000 words; the last two are words per non-empty line and per sentence end.
    """
    words = max(len(text.split()), 1)
    rates = [
        1_000 * sum(1 for _ in pattern.finditer(text)) / words
        for pattern in _PER_THOUSAND_WORDS.values()
    ]
    lines = sum(1 for line in text.splitlines() if line.strip())
    sentences = sum(1 for _ in _SENTENCE_END.finditer(text))
    return np.array([*rates, words / max(lines, 1), words / max(sentences, 1)], np.float32)


def dialogue_mask(text: str) -> NDArray[np.bool_]:
    """Return, for each character of a script, whether it is dialogue, (len(text),).

    Dialogue is what follows a line with a character's name in capitals, after at most one empty
    line, up to the next empty line, name or slugline. All else is action: descriptions, names,
    sluglines. In a script without such lines nothing is dialogue.
    """
    mask, start = np.zeros(len(text), bool), 0
    state = "action"
    for line in text.splitlines(keepends=True):
        end = start + len(line)
        if _PER_THOUSAND_WORDS["sluglines"].match(line):
            state = "action"
        elif _PER_THOUSAND_WORDS["cues"].match(line.rstrip("\r\n")):
            state = "named"
        elif line.strip():
            state = "dialogue" if state != "action" else "action"
        else:
            state = "empty" if state == "named" else "action"
        mask[start:end] = state == "dialogue"
        start = end
    return mask
