import io
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from wholescript.errors import DataError
from wholescript.features.word_counts import tokenize_words
from wholescript.prediction.formats import Format
from wholescript.prediction.parsers import (
    _PARSERS,
    FORMATS,
    MAX_CHARACTERS,
    _parse,
    _read,
    read_script,
)

LINE = "She opens the door. Café Müller, where they once met, is closed.\n"
TEXT = "INT. HOUSE - NIGHT\n\n" + 120 * LINE


def write_file(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def scanned_pdf(pages=3):
    pdf = io.BytesIO()
    canvas = Canvas(pdf)
    for number in range(pages):
        canvas.rect(50, 50, 400, 700)
        canvas.drawString(500, 800, str(number + 1))
        canvas.showPage()
    canvas.save()
    return pdf.getvalue()


def text_pdf(line):
    pdf = io.BytesIO()
    canvas = Canvas(pdf)
    for _ in range(12):
        canvas.drawString(50, 800, line)
        canvas.showPage()
    canvas.save()
    return pdf.getvalue()


def test_all_formats_have_the_same_words(in_each_format):
    words = {
        suffix: tokenize_words(read_script(path).text) for suffix, path in in_each_format.items()
    }
    assert len(words[".txt"]) > 1_000
    assert words[".fountain"] == words[".fdx"] == words[".txt"]
    # A PDF marks page breaks within a speech.
    added = [word for word in words[".pdf"] if word in {"more", "continued", "cont'd"}]
    assert len(words[".pdf"]) - len(added) == pytest.approx(len(words[".txt"]), rel=0.01)


@pytest.mark.parametrize("suffix", [".txt", ".fountain"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_decoded(tmp_path, suffix, encoding):
    script = read_script(write_file(tmp_path, f"film{suffix}", TEXT.encode(encoding)))
    assert tokenize_words(script.text) == tokenize_words(TEXT)
    assert all("Windows-1252" in repair for repair in script.repairs)
    assert bool(script.repairs) == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: normalize("NFD", text), "composed"),
        (lambda text: text.replace("er", "e\u00adr"), "invisible characters"),
        (lambda text: "\u200b".join(text), "invisible characters"),
        (lambda text: text.replace("er", "\u2067er\u2069"), "invisible characters"),
        (lambda text: text.encode().decode("cp1252"), "'CafÃ©' became 'Café'"),
        (lambda text: text.encode().decode("cp1252").encode().decode("cp1252"), "mojibake"),
    ],
)
def test_characters_are_repaired_and_the_repair_is_told(tmp_path, change, told):
    script = read_script(write_file(tmp_path, "film.txt", change(TEXT)))
    assert tokenize_words(script.text) == tokenize_words(TEXT)
    (repair,) = script.repairs
    assert told in repair


def test_ligatures_become_letters_and_it_is_told(tmp_path):
    text = TEXT.replace("closed", "still on fire")
    copied = text.replace("st", "\ufb06").replace("fi", "\ufb01")
    script = read_script(write_file(tmp_path, "film.txt", copied))
    assert script.text == text
    (repair,) = script.repairs
    assert repair.startswith("ligatures") and repair.endswith("letters: 240")


def test_a_fault_of_a_library_is_an_error_of_the_file(tmp_path, monkeypatch):
    def fail(raw):
        raise IndexError("page 3")

    monkeypatch.setitem(_PARSERS, Format.PDF, fail)
    with pytest.raises(DataError, match=r"film\.pdf: cannot be read as PDF \(IndexError: page 3\)"):
        read_script(write_file(tmp_path, "film.pdf", b"%PDF-1.7"))


def test_a_few_invalid_bytes_are_reported(tmp_path):
    broken = TEXT.encode() + b"\xc3 and so on\n"
    script = read_script(write_file(tmp_path, "film.txt", broken))
    assert script.repairs == ("1 characters could not be decoded",)
    assert "Müller" in script.text


def test_html_is_removed(tmp_path):
    body = "".join(f"<p>{line}</p>" for line in TEXT.splitlines(keepends=True))
    page = f"<html><script>steal()</script><body>{body} Tom &amp; Ann</body></html>"
    script = read_script(write_file(tmp_path, "film.txt", page))
    assert tokenize_words(script.text) == [*tokenize_words(TEXT), "tom", "ann"]
    assert script.repairs == ("read as HTML, by its content", "HTML tags were removed")


def test_words_of_neighbouring_cells_stay_apart(tmp_path):
    page = "<html>" + 400 * "<tr><td>one</td><td>two</td></tr>three<br>four" + "</html>"
    words = tokenize_words(read_script(write_file(tmp_path, "film.html", page)).text)
    assert words == 400 * ["one", "two", "three", "four"]


def test_quoted_html_tag_is_text(tmp_path):
    text = TEXT + 'He types "<b>" and 3 < 4.\n'
    assert read_script(write_file(tmp_path, "film.txt", text)).text == text


def test_fountain_notes_are_removed(tmp_path):
    text = "Title: Rain\n\n" + TEXT + "\n/* boneyard */\n\n# section\n\n= synopsis\n\n[[a note]]\n"
    words = tokenize_words(read_script(write_file(tmp_path, "film.fountain", text)).text)
    assert not {"boneyard", "section", "synopsis", "note"} & set(words)
    assert words[0] == "rain"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "empty. Save the script again"),
        ("blank.fountain", b" \n\t\n", "empty. Save the script again"),
        ("tiny.txt", 10 * LINE, "120 words; at least 1,000 are needed"),
        ("blob.txt", b"\x07blob\0\0\0" * 999, "binary"),
        ("wide.txt", TEXT.encode("utf-32"), "UTF-32"),
        ("nul.txt", TEXT.encode() + b"\0", "binary or damaged .line"),
        ("control.txt", b"word \x01\x02 " * 2_000, "binary"),
        (
            "no-mark.txt",
            TEXT.encode("utf-16-le"),
            "UTF-16 without a byte order mark. Save it as UTF-8 text",
        ),
        (
            "lost.txt",
            TEXT.replace("e", "\ufffd"),
            r"replacement characters \(U\+FFFD\). Save the original",
        ),
        ("russian.txt", 2_000 * "дом и море ".encode("cp1251"), "neither UTF-8 nor"),
        ("line.txt", b"x" * 10_000_000, "the limit is 2,000,000. Use one file per script"),
        ("words.fountain", b"word " * 2_000_000, "the limit is 2,000,000. Use one file per script"),
        ("scan.pdf", scanned_pdf(), r"3 of 3 pages have no text layer \(scanned\).*ocrmypdf"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n", "the PDF cannot be opened.*Export it again"),
        (
            "cut.fdx",
            b"<FinalDraft><Content><Paragraph>",
            "not well-formed XML.*Save it from Final Draft again",
        ),
        ("page.fdx", b"<html/>", "0 words; at least 1,000"),
        ("marks.txt", 1_200 * "... 12 -- ", "0 of 3,600 words have letters.*ocrmypdf --force-ocr"),
        ("marks.pdf", text_pdf(60 * "12 .. "), "0 of 1,440 words have letters"),
        ("marks.fountain", "a " + 1_200 * "_ * _ ", "1 of 3,601 words have letters"),
    ],
)
def test_bad_input_is_an_error_with_a_remedy(tmp_path, name, content, message):
    with pytest.raises(DataError, match=rf"{name}: .*{message}"):
        read_script(write_file(tmp_path, name, content))


def test_entity_expansion_is_an_error(tmp_path):
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
        b"<FinalDraft><Content><Paragraph><Text>&b;</Text></Paragraph></Content></FinalDraft>"
    )
    with pytest.raises(DataError, match="not well-formed XML"):
        read_script(write_file(tmp_path, "bomb.fdx", bomb))


def test_missing_file_and_folder_are_errors(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(DataError, match=r"foldr\.txt: there is no such file; did you mean 'folder"):
        read_script(tmp_path / "foldr.txt")
    with pytest.raises(DataError, match=r"folder\.txt: a folder, not a script\. Give the files"):
        read_script(tmp_path / "folder.txt")


def test_file_name_is_printed_without_control_characters(tmp_path):
    with pytest.raises(DataError) as caught:
        read_script(tmp_path / "\x1b[31mred.txt")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
@given(content=st.binary(max_size=400))
def test_any_bytes_give_a_text_or_a_data_error(tmp_path_factory, suffix, content):
    path = write_file(tmp_path_factory.getbasetemp(), f"any{suffix}", content)
    try:
        assert len(_parse(_read(path), suffix).text) <= MAX_CHARACTERS
    except DataError as problem:
        assert str(problem).endswith(".") or "ocrmypdf" in str(problem)
