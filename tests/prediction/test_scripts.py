import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from wholescript.errors import DataError
from wholescript.features.word_counts import tokenize_words
from wholescript.prediction.scripts import FORMATS, MAX_CHARACTERS, _read, read_script

LINE = "She opens the door. Café Müller, where they once met, is closed.\n"
TEXT = "INT. HOUSE - NIGHT\n\n" + 120 * LINE


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def scan(pages=3, text=None):
    drawn = io.BytesIO()
    canvas = Canvas(drawn)
    for number in range(pages):
        canvas.rect(50, 50, 400, 700)
        canvas.drawString(500, 800, str(number + 1))
        canvas.showPage()
    canvas.save()
    return drawn.getvalue()


def test_the_same_words_in_each_format(in_each_format):
    words = {
        suffix: tokenize_words(read_script(path).text) for suffix, path in in_each_format.items()
    }
    assert len(words[".txt"]) > 1_000
    assert words[".fountain"] == words[".fdx"] == words[".txt"]
    # A PDF breaks pages within a speech, and says so.
    added = [word for word in words[".pdf"] if word in {"more", "continued", "cont'd"}]
    assert len(words[".pdf"]) - len(added) == pytest.approx(len(words[".txt"]), rel=0.01)


@pytest.mark.parametrize("suffix", [".txt", ".fountain"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_repaired(tmp_path, suffix, encoding):
    script = read_script(written(tmp_path, f"film{suffix}", TEXT.encode(encoding)))
    assert tokenize_words(script.text) == tokenize_words(TEXT)
    assert [note for note in script.notes if "Windows-1252" in note] == list(script.notes)
    assert bool(script.notes) == (encoding == "cp1252")


def test_a_few_broken_bytes_are_noted(tmp_path):
    broken = TEXT.encode() + b"\xc3 and so on\n"
    script = read_script(written(tmp_path, "film.txt", broken))
    assert script.notes == ("1 of its characters are broken",)
    assert "Müller" in script.text


def test_html_is_removed(tmp_path):
    body = "".join(f"<p>{line}</p>" for line in TEXT.splitlines(keepends=True))
    page = f"<html><script>steal()</script><body>{body} Tom &amp; Ann</body></html>"
    script = read_script(written(tmp_path, "film.txt", page))
    assert tokenize_words(script.text) == [*tokenize_words(TEXT), "tom", "ann"]
    assert script.notes == ("its HTML tags were removed",)


def test_a_quoted_tag_is_text(tmp_path):
    text = TEXT + 'He types "<b>" and 3 < 4.\n'
    assert read_script(written(tmp_path, "film.txt", text)).text == text


def test_writers_notes_are_left_out(tmp_path):
    text = "Title: Rain\n\n" + TEXT + "\n/* boneyard */\n\n# section\n\n= synopsis\n\n[[a note]]\n"
    words = tokenize_words(read_script(written(tmp_path, "film.fountain", text)).text)
    assert not {"boneyard", "section", "synopsis", "note"} & set(words)
    assert words[0] == "rain"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "empty. Save the script again"),
        ("blank.fountain", b" \n\t\n", "empty. Save the script again"),
        ("tiny.txt", 10 * LINE, "120 words are too few"),
        ("image.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 999, "binary"),
        ("control.txt", b"word \x01\x02 " * 2_000, "binary"),
        ("no-mark.txt", TEXT.encode("utf-16-le"), "UTF-16 without its mark. Save it as text"),
        ("lost.txt", TEXT.replace("e", "\ufffd"), r"lost \(U\+FFFD\). Save the original"),
        ("russian.txt", 2_000 * "дом и море ".encode("cp1251"), "neither UTF-8 nor"),
        ("line.txt", b"x" * 10_000_000, "no screenplay: at most 2,000,000"),
        ("words.fountain", b"word " * 2_000_000, "no screenplay: at most 2,000,000"),
        ("scan.pdf", scan(), "3 of its 3 pages hold no text: a scan.*ocrmypdf"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n", "the PDF cannot be opened.*Export it again"),
        ("text.pdf", TEXT, "the PDF cannot be opened"),
        ("text.fdx", TEXT, "no whole XML.*Save it from Final Draft again"),
        ("cut.fdx", b"<FinalDraft><Content><Paragraph>", "no whole XML"),
        ("page.fdx", b"<html/>", "XML of another kind"),
        ("script.docx", TEXT, "'.docx' is none of .txt, .fountain, .fdx, .pdf. Export"),
        ("script", TEXT, "'' is none of"),
    ],
)
def test_bad_input_is_named_with_its_remedy(tmp_path, name, content, message):
    with pytest.raises(DataError, match=rf"{name}: .*{message}"):
        read_script(written(tmp_path, name, content))


def test_an_entity_bomb_is_refused(tmp_path):
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
        b"<FinalDraft><Content><Paragraph><Text>&b;</Text></Paragraph></Content></FinalDraft>"
    )
    with pytest.raises(DataError, match="no whole XML"):
        read_script(written(tmp_path, "bomb.fdx", bomb))


def test_what_is_not_there_or_not_a_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: cannot be read \(No such file"):
        read_script(tmp_path / "none.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(DataError, match=r"folder\.txt: cannot be read \(Is a directory"):
        read_script(tmp_path / "folder.txt")


def test_no_terminal_obeys_a_name(tmp_path):
    with pytest.raises(DataError) as caught:
        read_script(tmp_path / "\x1b[31mred.txt")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
@given(content=st.binary(max_size=400))
def test_any_bytes_give_a_text_or_a_plain_error(tmp_path_factory, suffix, content):
    path = written(tmp_path_factory.getbasetemp(), f"any{suffix}", content)
    try:
        assert len(_read(path).text) <= MAX_CHARACTERS
    except DataError as problem:
        assert str(problem).endswith(".") or "ocrmypdf" in str(problem)
