import unicodedata
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.data.characters import describe_repairs, normalize_unicode, repair_characters
from wholescript.data.labelled.cleaning import repair_text

WITHOUT_MEANING = "\u00ad\u200b\u200c\u200e\u200f\u202a\u202c\u2060\u2066\u2069\ufeff\u034f"
WORDS = [
    "señora",
    "naïve",
    "Łódź",
    "Ελλάδα",
    "çay",
    "ёлка",
    "tiếng",
    "한국",
    "3 < 4",
    "ok 👍",
    "“so”",
]


@st.composite
def written_in_two_ways(draw):
    """One text, and the same text composed or not, with invisible characters between letters."""
    text = " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6)))
    form = draw(st.sampled_from(["NFC", "NFD"]))
    invisible = st.text(WITHOUT_MEANING, max_size=2)
    other = "".join(c + draw(invisible) for c in unicodedata.normalize(form, text))
    return text, draw(invisible) + other


@pytest.mark.parametrize(
    "text",
    [
        "👩🏽‍🚀 👨‍👩‍👧 🏳️‍🌈 ❤️ ☎︎ 3️⃣",
        "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
        "نمی‌دانم ک‍.ش",  # Persian
        "क्‍य र्‌य",  # Hindi
        "ന്‍",  # Malayalam
        "สวัสดี\u200bครับ",  # Thai
        "辻\U000e0101",
        "\u1112\u1160",
        "ᠮᠠᠨ\u180bᠵᠤ",
    ],
)
def test_what_changes_the_look_of_a_text_is_kept(text):
    assert repair_characters(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("un\u00adhappy", "unhappy"),
        ("un\u200bhappy un\u200dhappy un\u200chappy", "unhappy unhappy unhappy"),
        ("\ufeffone\ufefftwo\u2060three", "onetwothree"),
        ("\u202bright\u202c \u2067to\u2069 \u200eleft\u200f", "right to left"),
        ("n\u00ad\u0303", "ñ"),
        ("👩\u00ad\u200d\u200b🚀", "👩\u200d🚀"),
        ("hid\ufe00den\U000e0101 \U000e0061tag", "hidden tag"),
        ("4\ufe0f 5", "4 5"),
        ("\u3164name", "name"),
        ("maÃ±ana, Ã\u00adndice", "mañana, índice"),
        ("maÃ\u200b±ana", "mañana"),
        ("A\u0303±", "ñ"),
        ("co&shy;op&#8203;erate", "cooperate"),
        (
            "e\ufb03cient \ufb02ow, co\ufb00ee, \ufb05ay, ea\ufb06",
            "efficient flow, coffee, stay, east",
        ),
        ("ï¬\x81ve", "five"),
        ("\ufb13, \ufefb", "\u0574\u0576, \u0644\u0627"),
        ("half \udc00, whole \ud83d\udc4d", "half \ufffd, whole 👍"),
    ],
)
def test_what_is_not_seen_is_removed_and_mojibake_repaired(text, repaired):
    assert repair_characters(text) == repaired


@given(written_in_two_ways())
def test_a_text_is_the_same_in_any_form(texts):
    text, other = texts
    assert repair_characters(other) == repair_characters(text)
    assert normalize_unicode(other) == normalize_unicode(text)


@given(
    st.text(
        st.characters()
        | st.sampled_from(WITHOUT_MEANING + "\ufb01\ufb05\ufb49\ufefbÃâ€©&;#x\ud83d\ude00\u200d👩")
    )
)
def test_a_repaired_text_is_not_changed_again(text):
    repaired = repair_characters(text)
    repaired.encode()  # fails for half characters
    assert repair_characters(repaired) == repaired


def test_published_texts_keep_invisible_characters_and_ligatures():
    text = "a pre\u00adquel &amp; \ufb02ow"
    assert repair_text(text, keep_invisible=True) == ("a pre\u00adquel & \ufb02ow", True, False)
    assert repair_text(text) == ("a prequel & flow", True, False)
    assert normalize_unicode("\ufb02ow") == "\ufb02ow"  # as in the published screenplays


@pytest.mark.parametrize("character", ["\U000e0041", "\u200d", "\ufe0f", "\u0301\u200d", "\u00ad"])
def test_a_long_run_of_invisible_characters_takes_no_quadratic_time(character):
    started = process_time()
    normalize_unicode("a" + 50_000 * character + "b")
    assert process_time() - started < 5


def test_repairs_are_told():
    assert describe_repairs("plain, “curled” & é 👍").repairs == ()
    told = list(map(str, describe_repairs("maÃ±ana\u00ad \u200bcafe\u0301 \ud83d").repairs))
    assert len(told) == 4
    assert "'maÃ±ana" in told[0] and "'mañana'" in told[0]
    assert told[1].endswith("U+FFFD: 1") and told[2].endswith("removed: 2") and "NFC" in told[3]


@pytest.mark.parametrize(
    "mark", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u206a\ufeff\ufffc\x07\x7f"
)
def test_each_removed_character_is_told(mark):
    told = describe_repairs(f"{mark}one {mark}two\tthree\n{mark}")
    assert told.text == "one two\tthree\n"
    (repair,) = told.repairs
    assert str(repair).endswith("removed: 3")


def test_ligatures_are_told():
    (repair,) = describe_repairs("the \ufb01rst o\ufb03ce").repairs
    assert repair.what.startswith("ligatures") and repair.count == 2
