"""Find retired words and spellings in pages and notebooks, with what to use instead."""

import re
from collections.abc import Iterator
from pathlib import Path

from wholescript.project import Project
from wholescript.publish.normalize import read_source

RETIRED = {
    r"foretell\w*|foretold": "predict the next token",
    r"tell(?:s|ing)? apart|told apart": "discriminative training, distinguish",
    r"verdicts?": "label, sentiment",
    r"counted words": "TF-IDF",
    r"twins?": "generative-discriminative pair",
    r"forks?|forked": "class-specific layers on a shared trunk",
    r"thaw\w*": "partially fine-tuned, unfreeze",
    r"judged?|judging": "evaluate, validate",
    r"gallery": "largest errors",
    r"treated|treatments?": "imbalance correction",
    r"likeness": "correlation, similarity",
    r"passports?": "provenance record",
    r"bits a byte": "bits per byte",
    r"nats a token": "nats per token",
    r"(?:times|ratio of) the errors": "error-rate ratio",
    r"written reviews": "synthetic reviews",
    r"read(?:s|ing)? (?:first|longer)": "MLM pretraining, more pretraining epochs",
    r"graphics cards?": "GPU",
    r"anew": "again",
    r"false alarms?": "false positives",
    # The spelling of the pages is British, but for the field's *tokenizer*.
    r"(?!tokeniz|resiz)[a-z]{3,}(?<!overs|nders)iz(?:e[ds]?|ing|ers?|ations?)": "s in place of z",
    r"analyz(?:e[ds]?|ing)": "analyse",
    r"colors?|behaviors?|neighbors?|centers?": "colour, behaviour, neighbour, centre",
    r"(?:un)?label(?:ed|ing)|model(?:ed|ing)": "ll in place of l",
}
"""What to write instead, by the pattern of a retired word or spelling."""

_PATTERNS = {
    re.compile(rf"(?<![A-Za-z_-])(?:{pattern})(?![A-Za-z_-])", re.IGNORECASE): instead
    for pattern, instead in RETIRED.items()
}


def retired_words(text: str) -> Iterator[tuple[str, str]]:
    """Yield each retired word of a text with the standard term."""
    for pattern, instead in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield match[0], instead


def check_vocabulary(project: Project) -> Iterator[str]:
    """Yield one line per retired word on a page or in the Markdown cells of a notebook."""
    for path in _pages(project.root):
        yield from _complaints(path.relative_to(project.root).as_posix(), path.read_text())
    for name in project.notebook_names():
        source = project.notebook_source(name)
        cells = read_source(source).cells
        prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        yield from _complaints(source.relative_to(project.root).as_posix(), prose)


def _pages(root: Path) -> list[Path]:
    top_level = [root / name for name in ("index.md", "README.md", "CONTRIBUTING.md")]
    pages = [*top_level, *sorted((root / "report").glob("*.md")), root / "report" / "claims.py"]
    return [path for path in pages if path.exists()]


def _complaints(where: str, text: str) -> Iterator[str]:
    for word, instead in dict.fromkeys(retired_words(text)):
        yield f"{where}: {word!r} is retired; use {instead!r}"
