"""Parsers of screenplay files: plain text, Fountain, Final Draft, HTML and PDF.

The content of a file decides how it is read (`formats`), not its name. Defects that can be repaired
unambiguously are repaired and reported; all others are errors.
"""

import codecs
import html
import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from wholescript.data.characters import describe_repairs
from wholescript.errors import DataError
from wholescript.features.word_counts import tokenize_words
from wholescript.files import looked_in
from wholescript.prediction.formats import Format, find_format
from wholescript.printable import printable

MIN_WORDS = 1_000  # five pages; the shortest training script has 7,000
MIN_LETTER_SHARE = 0.1  # of the words; a script has more than 0.9
MAX_CHARACTERS = 2_000_000  # seven times the longest training script
MAX_BYTES = 200_000_000  # a PDF may contain images
MAX_REPLACEMENT_SHARE = 1e-3  # of the characters; more indicates another encoding
MAX_CONTROL_SHARE = 1e-3  # of the characters; more indicates a binary file
MAX_NON_ASCII_SHARE = 0.1  # of the characters; languages of Windows-1252 have fewer
MAX_QUOTED_TAGS = 5  # a script may quote HTML tags
MIN_WORDS_PER_PAGE = 20  # a scanned page has at most a page number, a text page about 200 words

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_TAG = re.compile(
    r"</?(?:a|b|body|br|div|font|head|html|i|p|pre|script|span|style|u)\b[^<>]*>", re.I
)
_BLOCK = re.compile(
    r"<(?=/?(?:article|blockquote|br|dd|div|dt|h[1-6]|hr|li|p|pre|section|table|td|th|title|tr)\b)",
    re.I,
)
STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Script:
    """The text of a script, and messages on the `repairs` made to read it."""

    text: str
    repairs: tuple[str, ...] = ()


def read_script(path: Path) -> Script:
    """Read a script from a file, or from standard input for the path `-`.

    Raises DataError, with the file and the remedy, if it is missing, of an unknown format, damaged,
    in an unknown encoding, without text, or too short or too long for a script.
    """
    try:
        return parse_script(_read(path), path.suffix.lower())
    except DataError as problem:
        raise DataError(f"{printable_path(path)}: {problem}") from problem


def parse_script(raw: bytes, suffix: str = "") -> Script:
    """Return the script that is in the bytes of a file; `suffix` is that of its name.

    Raises DataError, with the remedy, if it cannot be used (`read_script`).
    """
    script = _parse(raw, suffix)
    cleaned = describe_repairs(script.text)
    _check_n_characters(len(cleaned.text))
    _check_words(cleaned.text)
    return Script(cleaned.text, (*script.repairs, *map(str, cleaned.repairs)))


def printable_path(path: Path) -> str:
    """Return a path with the control characters escaped that file names may contain."""
    return "standard input" if path == STANDARD_INPUT else printable(str(path))


def _read(path: Path) -> bytes:
    try:
        with sys.stdin.buffer if path == STANDARD_INPUT else path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise DataError("a folder, not a script. Give the files in it by name.") from None
    except FileNotFoundError:
        raise DataError(f"there is no such file{looked_in(path)}") from None
    except OSError as problem:
        raise DataError(f"cannot be read ({problem.strerror}). Check the path.") from problem
    if len(raw) > MAX_BYTES:
        raise DataError(f"larger than {MAX_BYTES / 1e6:.0f} MB. Remove images and attachments.")
    return raw


def _parse(raw: bytes, suffix: str) -> Script:
    if not raw.strip():
        raise DataError("empty. Save the script again.")
    found = find_format(raw)
    if found is Format.TEXT and suffix == ".fountain":
        found = Format.FOUNTAIN
    try:
        script = _PARSERS[found](raw)
    except DataError:
        raise
    except Exception as problem:  # any fault of a library, which must not stop the other scripts
        raise DataError(
            f"cannot be read as {found} ({type(problem).__name__}: {problem}). "
            "Export the script as PDF or plain text."
        ) from problem
    if found is not FORMATS.get(suffix):
        script = replace(script, repairs=(f"read as {found}, by its content", *script.repairs))
    if script.text.count("\ufffd") > MAX_REPLACEMENT_SHARE * len(script.text):
        raise DataError(
            "contains too many replacement characters (U+FFFD). Save the original as UTF-8."
        )
    return script


def _check_n_characters(n_characters: int) -> None:
    if n_characters > MAX_CHARACTERS:
        raise DataError(
            f"at least {n_characters:,} characters; the limit is {MAX_CHARACTERS:,}. "
            "Use one file per script."
        )


def _check_words(text: str) -> None:
    n_words = len(text.split())
    if n_words < MIN_WORDS:
        raise DataError(
            f"{n_words:,} words; at least {MIN_WORDS:,} are needed. Use the complete script."
        )
    n_with_letters = len(tokenize_words(text))
    if n_with_letters < MIN_LETTER_SHARE * n_words:
        raise DataError(
            f"{n_with_letters:,} of {n_words:,} words have letters, as in a PDF with a damaged "
            "text layer. Run OCR, for example `ocrmypdf --force-ocr in.pdf out.pdf`, or use "
            "another copy."
        )


def _plain(raw: bytes) -> Script:
    """Decode a text file; remove HTML tags, as of a part of a web page."""
    text, repairs = _decode(raw)
    if sum(1 for _ in _TAG.finditer(text)) > MAX_QUOTED_TAGS:
        return _without_tags(text, repairs)
    return Script(text, repairs)


def _html(raw: bytes) -> Script:
    return _without_tags(*_decode(raw))


def _without_tags(text: str, repairs: tuple[str, ...]) -> Script:
    import nh3

    apart = _BLOCK.sub("\n<", text)  # words of neighbouring cells and lines
    text = html.unescape(nh3.clean(apart, tags=set()))
    return Script(text, (*repairs, "HTML tags were removed"))


def _fountain(raw: bytes) -> Script:
    """Read Fountain without notes, boneyard, sections and synopses."""
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
    return Script("\n".join(chain(title, *map(lines, screenplay))), source.repairs)


def _final_draft(raw: bytes) -> Script:
    """Read Final Draft XML: the title page and the paragraphs, without script notes."""
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(raw)
    # Entity expansion attacks and unknown encodings raise ValueError.
    except (ParseError, ValueError) as problem:
        raise DataError(
            f"not well-formed XML ({problem}). Save it from Final Draft again."
        ) from problem
    for parent in list(root.iter()):
        for note in parent.findall("ScriptNote"):
            parent.remove(note)
    paragraphs = []
    for content in root.iter("Content"):
        for paragraph in content.iter("Paragraph"):
            text = "".join("".join(part.itertext()) for part in paragraph.findall("Text"))
            # Final Draft displays these types in capitals.
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
    text_pages = sum(len(page.split()) >= MIN_WORDS_PER_PAGE for page in pages)
    if 2 * text_pages < len(pages):
        raise DataError(
            f"{len(pages) - text_pages} of {len(pages)} pages have no text layer (scanned). "
            "Run OCR first, for example `ocrmypdf in.pdf out.pdf`."
        )
    # PDFium marks a hyphenated word at the end of a line with U+FFFE.
    return Script("\n".join(pages).replace("\r\n", "\n").replace("\ufffe", ""))


FORMATS = {
    ".txt": Format.TEXT,
    ".fountain": Format.FOUNTAIN,
    ".fdx": Format.FINAL_DRAFT,
    ".pdf": Format.PDF,
    ".html": Format.HTML,
    ".htm": Format.HTML,
}
"""The suffixes of screenplays, and what such a file is expected to be."""
_PARSERS: dict[Format, Callable[[bytes], Script]] = {
    Format.TEXT: _plain,
    Format.FOUNTAIN: _fountain,
    Format.FINAL_DRAFT: _final_draft,
    Format.HTML: _html,
    Format.PDF: _pdf,
}


def _decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Decode UTF-8, UTF-16 with a byte order mark, damaged UTF-8, or Windows-1252."""
    _check_n_characters(len(raw) // 4)  # at most four bytes per character
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
        raise DataError(f"{_describe_controls(raw)}. Save it as UTF-8 text.")
    return decoded


def _describe_controls(raw: bytes) -> str:
    """Return what bytes are that have NUL or many control characters."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if max(raw[start::2].count(0) for start in (0, 1)) > len(raw) / 4:
        return "UTF-16 without a byte order mark"
    if 0 in raw:
        line = raw.count(b"\n", 0, raw.index(0)) + 1
        return f"binary or damaged (line {line} has the character NUL)"
    return "binary (it has many control characters)"


def _decode_eight_bit(raw: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        text = raw.decode(errors="replace")
    lost = text.count("\ufffd")
    # Accented characters in Windows-1252 rarely form valid UTF-8 sequences.
    if sum(c > "\x7f" for c in text) > 2 * lost:
        return text, (f"{lost} characters could not be decoded",)
    if lost > MAX_NON_ASCII_SHARE * len(raw):
        raise DataError("neither UTF-8 nor Western European. Save it as UTF-8.")
    return raw.decode("cp1252"), ("decoded as Windows-1252 because it is not valid UTF-8",)
