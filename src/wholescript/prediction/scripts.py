"""Scripts as writers keep them: plain text, Fountain, Final Draft and PDF, read with care.

What can be repaired without a guess at its meaning is repaired and noted; all else is an error.
"""

import codecs
import html
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from wholescript.errors import DataError

MIN_WORDS = 1_000  # five pages; the shortest script that the model has learnt from has 7,000
MAX_CHARACTERS = 2_000_000  # seven times the longest
MAX_BYTES = 200_000_000  # a PDF may carry pictures
MAX_REPLACEMENT_SHARE = (
    1e-3  # share of characters: a few lost ones are repaired, more is another encoding
)
MAX_CONTROL_SHARE = 1e-3  # share of characters that no text file holds
MAX_NON_ASCII_SHARE = (
    0.1  # share of characters; no language that Windows-1252 was made for has as many
)
MAX_QUOTED_TAGS = 5  # a script may quote a tag
MIN_WORDS_PER_PAGE = 20  # a scanned page has none, or a page number; a written one has 200

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_TAG = re.compile(
    r"</?(?:a|b|body|br|div|font|head|html|i|p|pre|script|span|style|u)\b[^<>]*>", re.I
)


@dataclass(frozen=True)
class Script:
    """The running text of a script, and `notes` on what was repaired to get it."""

    text: str
    notes: tuple[str, ...] = ()


def read_script(path: Path) -> Script:
    """Read a script in any of the formats of `FORMATS`, by the suffix of its file.

    Raises DataError, naming the file and the fix, where it is absent, of another format, damaged,
    in an unknown encoding, without text, or no script by its length.
    """
    try:
        script = _read(path)
        _check_characters(len(script.text))
        _check_words(len(script.text.split()))
    except DataError as problem:
        raise DataError(f"{shown(path)}: {problem}") from problem
    return script


def shown(path: Path) -> str:
    """Return a path as it may be printed: a file's name can hold any character but two."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(path))


def _read(path: Path) -> Script:
    parse = FORMATS.get(path.suffix.lower())
    if parse is None:
        raise DataError(
            f"the suffix {path.suffix!r} is none of {', '.join(FORMATS)}. "
            "Export the script as PDF or plain text."
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"larger than {MAX_BYTES / 1e6:.0f} MB. Give the script alone.")
        raw = path.read_bytes()
    except OSError as problem:
        raise DataError(f"cannot be read ({problem.strerror}). Check the path.") from problem
    if not raw.strip():
        raise DataError("empty. Save the script again.")
    script = parse(raw)
    if script.text.count("\ufffd") > MAX_REPLACEMENT_SHARE * len(script.text):
        raise DataError("its characters are lost (U+FFFD). Save the original as UTF-8.")
    return script


def _check_characters(characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise DataError(
            f"{characters:,} characters or more are no screenplay: at most {MAX_CHARACTERS:,} "
            "are read. Give one script a file."
        )


def _check_words(words: int) -> None:
    if words < MIN_WORDS:
        raise DataError(
            f"{words:,} words are too few to judge: a script has at least {MIN_WORDS:,}. "
            "Give the whole script."
        )


def _plain(raw: bytes) -> Script:
    """Decode a text file; remove HTML, which a page saved from the web is full of."""
    text, notes = _decode(raw)
    if sum(1 for _ in _TAG.finditer(text)) > MAX_QUOTED_TAGS:
        import nh3

        text = html.unescape(nh3.clean(text, tags=set()))
        notes = (*notes, "its HTML tags were removed")
    return Script(text, notes)


def _fountain(raw: bytes) -> Script:
    """Read Fountain: notes, boneyard, sections and synopses are not part of the script."""
    from screenplain.parsers.fountain import parse
    from screenplain.types import Dialog, DualDialog

    def lines(part: object) -> Iterator[str]:
        if isinstance(part, DualDialog):
            yield from (*lines(part.left), *lines(part.right))
        elif isinstance(part, Dialog):
            yield from ("", str(part.character).upper(), *(str(line) for _, line in part.blocks))
        else:
            yield from ("", *map(str, getattr(part, "lines", ())))

    source = _plain(raw)
    screenplay = parse(io.StringIO(source.text))
    title = chain.from_iterable(screenplay.title_page.values())
    return Script("\n".join(chain(title, *map(lines, screenplay))), source.notes)


def _final_draft(raw: bytes) -> Script:
    """Read Final Draft's XML: its title page and paragraphs, without the writer's notes."""
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(raw)
    # Entity bombs and unknown encodings are ValueErrors.
    except (ParseError, ValueError) as problem:
        raise DataError(f"no whole XML ({problem}). Save it from Final Draft again.") from problem
    if root.tag != "FinalDraft":
        raise DataError(f"XML of another kind (<{root.tag}>). Save it from Final Draft again.")
    for parent in list(root.iter()):
        for note in parent.findall("ScriptNote"):
            parent.remove(note)
    paragraphs = []
    for content in root.iter("Content"):
        for paragraph in content.iter("Paragraph"):
            text = "".join("".join(part.itertext()) for part in paragraph.findall("Text"))
            # Final Draft shows these in capitals, however they were typed.
            capitals = paragraph.get("Type") in {"Scene Heading", "Character", "Transition"}
            paragraphs.append(text.upper() if capitals else text)
    return Script("\n".join(paragraphs))


def _pdf(raw: bytes) -> Script:
    """Read the text layer of a PDF, page by page."""
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        with PdfDocument(raw) as document:
            pages = [page.get_textpage().get_text_range() for page in document]
    except PdfiumError as problem:
        fix = (
            "Save a copy without its password." if "assword" in str(problem) else "Export it again."
        )
        raise DataError(f"the PDF cannot be opened ({problem}). {fix}") from problem
    written = sum(len(page.split()) >= MIN_WORDS_PER_PAGE for page in pages)
    if 2 * written < len(pages):
        raise DataError(
            f"{len(pages) - written} of its {len(pages)} pages hold no text: a scan. "
            "Recognise its text first, for example with `ocrmypdf in.pdf out.pdf`."
        )
    # PDFium marks a word broken at the end of a line by U+FFFE.
    return Script("\n".join(pages).replace("\r\n", "\n").replace("\ufffe", ""))


FORMATS: dict[str, Callable[[bytes], Script]] = {
    ".txt": _plain,
    ".fountain": _fountain,
    ".fdx": _final_draft,
    ".pdf": _pdf,
}


def _decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Decode UTF-8, UTF-16 with its mark, UTF-8 with a few broken bytes, or Windows-1252."""
    _check_characters(len(raw) // 4)  # no encoding takes more bytes a character
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            decoded: tuple[str, tuple[str, ...]] = raw.decode("utf-16"), ()
        else:
            decoded = _decode_eight_bit(raw)
    except UnicodeDecodeError as problem:
        raise DataError(
            f"neither UTF-8 nor another known encoding (byte {problem.start}). Save it as UTF-8."
        ) from problem
    text = decoded[0]
    if "\0" in text or sum(1 for _ in _CONTROL.finditer(text)) > MAX_CONTROL_SHARE * len(text):
        raise DataError("binary, or UTF-16 without its mark. Save it as text in UTF-8.")
    return decoded


def _decode_eight_bit(raw: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        text = raw.decode(errors="replace")
    lost = text.count("\ufffd")
    # Accents of Windows-1252 hardly ever form a valid sequence of UTF-8 by chance.
    if sum(c > "\x7f" for c in text) > 2 * lost:
        return text, (f"{lost} of its characters are broken",)
    if lost > MAX_NON_ASCII_SHARE * len(raw):
        raise DataError("neither UTF-8 nor Western European. Save it as UTF-8.")
    return raw.decode("cp1252"), ("read as Windows-1252, since it is not UTF-8",)
