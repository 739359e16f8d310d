import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b1m\u202eabc", r"\x9b1m\u202eabc"),
        ("half \ud83d", r"half \ud83d"),
        ("[/red] <b> $1 \u200fשם 一二", "[/red] <b> $1 \u200fשם 一二"),
    ],
)
def test_what_a_terminal_obeys_is_escaped_and_nothing_else(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_any_text_is_encoded_and_kept_characters_stay(text: str) -> None:
    printable(text).encode()
    assert printable(text, keep=text) == text
