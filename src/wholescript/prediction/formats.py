"""What a file is, by its content: its name may say something else.

No library does this: puremagic 1.30 takes any ZIP archive for a Word document, filetype 1.2 any
text that begins with `BM` for an image, and neither knows Final Draft or JSON.
"""

import codecs
import io
import json
import re
import zipfile
from enum import StrEnum

from wholescript.data.checks import list_some
from wholescript.errors import DataError

N_HEAD_BYTES = 65_536

_EXPORT = "Export the script as PDF or plain text."
_UNPACK = "Unpack it, and give the script in it."
_SAVE_TEXTS = "Save each script in it as a text file."
_SCAN = "Save the pages as PDF and run OCR, for example `ocrmypdf in.pdf out.pdf`."
_SIGNATURES = [
    (re.compile(start, re.DOTALL), name, remedy)
    for start, name, remedy in (
        (rb"\{\\rtf", "RTF", _EXPORT),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word document (.doc)", _EXPORT),
        (rb"%!PS", "PostScript", "Convert it, for example `ps2pdf in.ps out.pdf`."),
        (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*", "an image", _SCAN),
        (rb"BM....\0\0\0\0|....ftyp(?:hei|mif|avi)", "an image", _SCAN),
        (rb"....ftyp|ID3[\2-\4]|OggS\0|RIFF....WAVE|\x1aE\xdf\xa3", "audio or video", _EXPORT),
        (rb"\x1f\x8b\x08|BZh\d1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd", "a compressed file", _UNPACK),
        (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "an archive", _UNPACK),
        (rb"SQLite format 3\0", "an SQLite database", _SAVE_TEXTS),
        (rb"PAR1", "a Parquet table", _SAVE_TEXTS),
    )
]
_ZIPPED = {
    "word/document.xml": "a Word document (.docx)",
    "content.xml": "an OpenDocument text (.odt)",
    "META-INF/container.xml": "an e-book (.epub)",
}
# Possessive: a file may begin with thousands of comments.
_PROLOG = re.compile(
    r"(?:\s++|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*+(?:\[.*?\]\s*)?>)*+", re.DOTALL | re.IGNORECASE
)
_ROOT = re.compile(r"<([A-Za-z_][\w:.-]*)[\s/>]")
_HTML_PAGE = {"html", "head", "body"}
_HTML_PARTS = {"article", "center", "div", "font", "main", "p", "pre", "section", "span", "table"}
_JSON_OBJECT = re.compile(r'\s*(?:\[\s*)?\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\}\s*\Z)')
_MIME = re.compile(r"(?:[A-Za-z-]+: .*\n(?:[ \t].*\n)*){0,40}?MIME-Version: 1\.0", re.IGNORECASE)
_FOUNTAIN = re.compile(r"\s*(?:title|credit|authors?):", re.IGNORECASE)


class Format(StrEnum):
    """A format that can be read, and its name."""

    PDF = "PDF"
    FINAL_DRAFT = "Final Draft XML"
    HTML = "HTML"
    FOUNTAIN = "Fountain"
    TEXT = "plain text"


def find_format(raw: bytes) -> Format:
    """Return which of the readable formats the content of a file has.

    A text is Fountain if it begins with the title page that Fountain defines. Raises DataError,
    with the name of the format and the remedy, for any other that is known.
    """
    if raw.startswith(b"PK\x03\x04"):
        raise DataError(_describe_zip(raw))
    for pattern, name, remedy in _SIGNATURES:
        if pattern.match(raw):
            raise DataError(f"{name}, whatever its name says. {remedy}")
    if b"%PDF-" in raw[:1024]:
        return Format.PDF
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    head = raw[:N_HEAD_BYTES].decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")
    if markup := _find_markup(head, raw):
        return markup
    if _JSON_OBJECT.match(head) or (head.lstrip().startswith("[") and _is_json(raw)):
        raise DataError(f"JSON, not a script. {_SAVE_TEXTS}")
    if _MIME.match(head):
        raise DataError(f"an e-mail or a saved web page (MIME), not a script. {_EXPORT}")
    return Format.FOUNTAIN if _FOUNTAIN.match(head) else Format.TEXT


def _describe_zip(raw: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as problem:
        return f"a damaged ZIP archive or Office document ({problem}). {_EXPORT}"
    for member, name in _ZIPPED.items():
        if member in members:
            return f"{name}, whatever its name says. {_EXPORT}"
    return f"a ZIP archive of {list_some(members)}. {_UNPACK}"


def _find_markup(head: str, raw: bytes) -> Format | None:
    """Return the format of XML or HTML, None for a text; raise DataError for other XML."""
    prolog = _PROLOG.match(head)
    assert prolog is not None  # it may be empty
    root = _ROOT.match(head, prolog.end())
    is_xml = head.lstrip().startswith("<?xml")
    name = root[1] if root else ""
    if name == "FinalDraft":
        return Format.FINAL_DRAFT
    if name.lower() in _HTML_PAGE or "<!doctype html" in prolog[0].lower():
        return Format.HTML
    is_closed = bool(name) and raw.rstrip(b" \t\r\n\0").endswith(f"</{name}>".encode())
    if is_closed and name.lower() in _HTML_PARTS:
        return Format.HTML
    if is_xml or is_closed:
        raise DataError(f"XML of another kind (<{name}>). {_EXPORT}")
    return None


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True
