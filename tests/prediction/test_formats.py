import gzip
import io
import json
import lzma
import sqlite3
import zipfile

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from tests.prediction.test_parsers import TEXT, write_file
from wholescript.errors import DataError
from wholescript.features.word_counts import tokenize_words
from wholescript.prediction.formats import Format, find_format
from wholescript.prediction.parsers import read_script


def zipped(member):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(member, TEXT)
    return content.getvalue()


def image(kind):
    content = io.BytesIO()
    Image.new("RGB", (30, 30)).save(content, kind)
    return content.getvalue()


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table scripts (text)")
    return bytes(connection.serialize())


def final_draft(encoding="utf-8"):
    lines = "".join(
        f"<Paragraph><Text>{line}</Text></Paragraph>" for line in TEXT.splitlines() if line
    )
    xml = f'<?xml version="1.0" encoding="{encoding}"?>\n<!-- by hand -->\n<FinalDraft><Content>'
    return f"{xml}{lines}</Content></FinalDraft>".encode(encoding)


def pdf():
    content = io.BytesIO()
    canvas = Canvas(content)
    for start in range(0, 120, 40):
        for row, line in enumerate(TEXT.splitlines()[start : start + 42]):
            canvas.drawString(50, 800 - 18 * row, line)
        canvas.showPage()
    canvas.save()
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.txt", final_draft(), Format.FINAL_DRAFT),
        ("a.fountain", final_draft("utf-16"), Format.FINAL_DRAFT),
        ("a.fdx", pdf(), Format.PDF),
        ("a.txt", b"\r\n" + pdf(), Format.PDF),
        ("a.pdf", TEXT, Format.TEXT),
        ("a.fdx", TEXT.encode("utf-16"), Format.TEXT),
        ("script", TEXT, Format.TEXT),
        ("a.docx", TEXT, Format.TEXT),
        ("script", f"Title: Rain\nAuthor: Ann\n\n{TEXT}", Format.FOUNTAIN),
        ("a.txt", f"<!DOCTYPE html>\n<table><tr><td>{TEXT}</table>", Format.HTML),
        ("a.fdx", f"<?xml version='1.0'?><html><p>{TEXT}</p></html>", Format.HTML),
        ("a.txt", f"<div>{TEXT}</div>\n", Format.HTML),
    ],
)
def test_the_content_decides_and_is_told(tmp_path, name, content, found):
    script = read_script(write_file(tmp_path, name, content))
    assert script.repairs[0] == f"read as {found}, by its content"
    title = ["rain", "ann"] if found is Format.FOUNTAIN else []
    assert tokenize_words(script.text)[:1_000] == [*title, *tokenize_words(TEXT)][:1_000]


@pytest.mark.parametrize(
    "text",
    [
        "BM is a company. II* and MM, ID3 too.",
        "{not json}, he says",
        "[INT. HOUSE]",
        "[[a note]] and more",
        '"quoted"',
        "<b>bold</b> words follow",
        "<3 and < 4",
        "Dear Ann: the MIME-Version: 1.0 is old",
        "<!--" * 20_000,
        "<?" * 20_000,
        "PK is a name",
        "RIFF and %! are words",
    ],
)
def test_a_text_that_begins_like_another_format_is_a_text(text):
    assert find_format(text.encode()) is Format.TEXT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped("word/document.xml"), r"a Word document \(\.docx\).*Export the script"),
        (zipped("content.xml"), r"an OpenDocument text \(\.odt\).*Export the script"),
        (zipped("scenes/one.txt"), "a ZIP archive of scenes/one.txt. Unpack it"),
        (zipped("a.txt")[:-30], "a damaged ZIP archive"),
        (gzip.compress(TEXT.encode()), "a compressed file.*Unpack it"),
        (lzma.compress(TEXT.encode()), "a compressed file.*Unpack it"),
        (b"{\\rtf1\\ansi " + TEXT.encode("ascii", "ignore") + b"}", "RTF.*Export the script"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500), r"an old Word document \(\.doc\)"),
        (b"%!PS-Adobe-3.0\n" + TEXT.encode(), "PostScript.*ps2pdf"),
        (database(), "an SQLite database.*as a text file"),
        *((image(kind), "an image.*OCR") for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")),
        (json.dumps({"text": TEXT}).encode(), "JSON, not a script.*as a text file"),
        (json.dumps([{"text": TEXT}], indent=2).encode("utf-16"), "JSON, not a script"),
        (json.dumps([TEXT, TEXT]).encode(), "JSON, not a script"),
        (json.dumps({"text": TEXT}).encode()[:-40], "JSON, not a script"),
        (b"\xef\xbb\xbf" + b'{"line": "a"}\n{"line": "b"}\n', "JSON, not a script"),
        (
            f"<?xml version='1.0'?><scenario>{TEXT}</scenario>".encode(),
            "XML of another kind.*<scenario>",
        ),
        (f"<play>{TEXT}</play>\n".encode(), "XML of another kind.*<play>"),
        (f"From: Ann\nMIME-Version: 1.0\n\n{TEXT}".encode(), r"an e-mail .*\(MIME\)"),
    ],
)
def test_any_other_format_is_refused_by_its_name(tmp_path, content, message):
    for name in ("film.txt", "film.fountain", "film"):
        with pytest.raises(DataError, match=f"{name}: {message}"):
            read_script(write_file(tmp_path, name, content))
