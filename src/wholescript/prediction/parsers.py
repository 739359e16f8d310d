"""Parsers of screenplay files: plain text, Fountain, Final Draft and PDF.

Defects that can be repaired unambiguously are repaired and reported; all others are errors.
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
from wholescript.printable import printable

MIN_WORDS = 1_000  # five pages; the shortest training script has 7,000
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


@dataclass(frozen=True)
class Script:
    """The text of a script, and messages on the `repairs` made to read it."""

    text: str
    repairs: tuple[str, ...] = ()


def read_script(path: Path) -> Script:
    """Read a script in one of `FORMATS`, chosen by the suffix of the file.

    Raises DataError, with the file and the remedy, if it is missing, of another format, damaged,
    in an unknown encoding, without text, or too short or too long for a script.
    """
    try:
        script = _read(path)
        _check_n_characters(len(script.text))
        _check_n_words(len(script.text.split()))
    except DataError as problem:
        raise DataError(f"{printable_path(path)}: {problem}") from problem
    return script


def printable_path(path: Path) -> str:
    """Return a path with the control characters escaped that file names may contain."""
    return printable(str(path))


def _read(path: Path) -> Script:
    parse = FORMATS.get(path.suffix.lower())
    if parse is None:
        raise DataError(
            f"the suffix {path.suffix!r} is not supported ({', '.join(FORMATS)}). "
            "Export the script as PDF or plain text."
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"larger than {MAX_BYTES / 1e6:.0f} MB. Remove images and attachments.")
        raw = path.read_bytes()
    except OSError as problem:
        raise DataError(f"cannot be read ({problem.strerror}). Check the path.") from problem
    if not raw.strip():
        raise DataError("empty. Save the script again.")
    script = parse(raw)
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


def _check_n_words(n_words: int) -> None:
    if n_words < MIN_WORDS:
        raise DataError(
            f"{n_words:,} words; at least {MIN_WORDS:,} are needed. Use the complete script."
        )


def _plain(raw: bytes) -> Script:
    """Decode a text file; remove HTML tags, as of a saved web page."""
    text, repairs = _decode(raw)
    if sum(1 for _ in _TAG.finditer(text)) > MAX_QUOTED_TAGS:
        import nh3

        text = html.unescape(nh3.clean(text, tags=set()))
        repairs = (*repairs, "HTML tags were removed")
    return Script(text, repairs)


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
    if root.tag != "FinalDraft":
        raise DataError(f"XML of another kind (<{root.tag}>). Save it from Final Draft again.")
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


FORMATS: dict[str, Callable[[bytes], Script]] = {
    ".txt": _plain,
    ".fountain": _fountain,
    ".fdx": _final_draft,
    ".pdf": _pdf,
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
        raise DataError("binary, or UTF-16 without a byte order mark. Save it as UTF-8 text.")
    return decoded


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
