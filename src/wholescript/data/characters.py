"""The characters of a text: one Unicode form, nothing invisible, no mojibake.

Two texts that look the same are the same text to a model: they are composed (NFC), and freed of
characters that are not seen (Unicode's Default_Ignorable_Code_Point). Those that change what is
seen are kept: joiners in emoji and in scripts that need them (Unicode Standard Annex 31, section
2.3; Annex 29, rule GB11), variation selectors after characters that have variants, and the tags of
flags. Mojibake is repaired with ftfy (Speer 2019, doi:10.5281/zenodo.2591652). The ligatures and
other presentation forms of typesetting, usual in text copied from PDF, become letters.
"""

import unicodedata
from dataclasses import dataclass

import regex
from ftfy import TextFixerConfig, fix_text
from ftfy.badness import badness
from ftfy.fixes import fix_surrogates

REPAIRS = TextFixerConfig(
    uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False, explain=False
)
_KEEPING_CONTROLS = REPAIRS._replace(remove_control_chars=False)  # to count what is removed
REPLACEMENT_CHARACTER = "\ufffd"
# Letters of the blocks of presentation forms, such as the ligature of f and i.
_PRESENTATION_FORM = regex.compile(r"(?=\p{L})[\uFB00-\uFC5D\uFC64-\uFDF9\uFE80-\uFEFC]")

_PICTOGRAPH = r"\p{Extended_Pictographic}"
_ALPHABETS = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Georgian}\p{Hebrew}"
_JOINING_LETTER = rf"(?![{_ALPHABETS}\p{{Han}}\p{{Hiragana}}\p{{Katakana}}\p{{Hangul}}])\p{{L}}"
_WITHOUT_SPACES = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Tham}\p{Balinese}\p{Javanese}]"
_TAG = r"[\U000E0020-\U000E007F]"
_VARIANT = r"[\u180B-\u180F\uFE00-\uFE0F\U000E0100-\U000E01EF]"
_HAS_VARIANTS = rf"[{_PICTOGRAPH}\p{{S}}\p{{Han}}\p{{Mongolian}}\p{{Myanmar}}\p{{Phags_Pa}}]"
_FILLERS = r"\u115F\u1160"  # with which old Korean syllables are written
_SEEN_IN_CONTEXT = rf"[\u200B-\u200D{_FILLERS}]|{_TAG}|{_VARIANT}"
_ANY = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_NOT_SEEN = regex.compile(
    r"\p{Default_Ignorable_Code_Point}|(?![\t\n\f\r\x85])\p{Cc}|[\uFFF9-\uFFFC]"
)
# In this order: what is always meaningless must not hide the neighbours of the others. What stands
# before is bounded, so that a long run of marks or tags costs no quadratic time.
_INVISIBLE = tuple(
    map(
        regex.compile,
        (
            rf"(?!{_SEEN_IN_CONTEXT})\p{{Default_Ignorable_Code_Point}}",
            rf"(?<!{_WITHOUT_SPACES}\p{{M}}{{,9}})\u200B|\u200B(?!{_WITHOUT_SPACES})",
            rf"(?<!{_JOINING_LETTER}\p{{M}}{{,9}})\u200C|\u200C(?!\p{{L}})",
            rf"(?<!{_PICTOGRAPH}[\p{{Emoji_Modifier}}\uFE0F]{{,2}}|{_JOINING_LETTER}\p{{M}}{{,9}})\u200D"
            rf"|(?<={_PICTOGRAPH}[\p{{Emoji_Modifier}}\uFE0F]{{,2}})\u200D(?!{_PICTOGRAPH})",
            rf"(?<!\U0001F3F4{_TAG}{{,31}}){_TAG}",
            rf"(?<!{_HAS_VARIANTS})(?!(?<=[0-9#*])\uFE0F\u20E3){_VARIANT}",
        ),
    )
)


@dataclass(frozen=True)
class Repair:
    """What was repaired in a text, how many characters where they are counted, and an example."""

    what: str
    count: int = 0
    example: str = ""

    def __str__(self) -> str:
        """Return it as a phrase."""
        if self.example:
            return f"{self.what}; for example, {self.example}"
        return f"{self.what}: {self.count}" if self.count else self.what


@dataclass(frozen=True)
class RepairedText:
    """A repaired text, and what was repaired."""

    text: str
    repairs: tuple[Repair, ...]


def repair_characters(text: str) -> str:
    """Return a text composed (NFC), without invisible characters, mojibake and lone surrogates.

    HTML entities, control characters, line ends and ligatures such as U+FB01 are repaired too;
    curly quotes and full-width characters are left as they are. A repaired text is not changed
    again.
    """
    while (repaired := _as_letters(normalize_unicode(fixed := fix_text(text, REPAIRS)))) != fixed:
        text = repaired
    return repaired


def normalize_unicode(text: str) -> str:
    """Return a text composed (NFC) and without invisible characters."""
    return unicodedata.normalize("NFC", _remove_invisible(text))


def describe_repairs(text: str) -> RepairedText:
    """Return what `repair_characters` returns, and say what it repaired."""
    fixed, repairs = fix_text(text, REPAIRS), []
    repaired = repair_characters(fixed)
    if badness(text) > badness(repaired):
        pairs = zip(text.split(), repaired.split(), strict=False)
        before, after = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
        repairs.append(
            Repair(
                "mojibake was repaired (UTF-8 that was decoded as another encoding)",
                example=f"{before[:30]!r} became {after[:30]!r}",
            )
        )
    joined = fix_surrogates(text)  # the halves that stand in order are one character
    if lost := joined.count(REPLACEMENT_CHARACTER) - text.count(REPLACEMENT_CHARACTER):
        what = "half characters (lone surrogates) were replaced by U+FFFD"
        repairs.append(Repair(what, lost))
    before, after = fix_text(text, _KEEPING_CONTROLS), _remove_invisible(fixed)
    if removed := len(_NOT_SEEN.findall(before)) - len(_NOT_SEEN.findall(after)):
        what = "invisible characters, such as soft hyphens, were removed"
        repairs.append(Repair(what, removed))
    if ligatures := len(_PRESENTATION_FORM.findall(fixed)):
        what = "ligatures and the like, as in text copied from a PDF, were written as letters"
        repairs.append(Repair(what, ligatures))
    if not unicodedata.is_normalized("NFC", text):
        repairs.append(Repair("letters with separate accents were composed (Unicode NFC)"))
    return RepairedText(repaired, tuple(repairs))


def _as_letters(text: str) -> str:
    return _PRESENTATION_FORM.sub(lambda form: unicodedata.normalize("NFKC", form[0]), text)


def _remove_invisible(text: str) -> str:
    if _ANY.search(text):
        for pattern in _INVISIBLE:
            text = pattern.sub("", text)
    return text
