"""Character encodings of text files: which are likely, and whether one gives mojibake."""

import codecs
import re

from ftfy.badness import badness

# Those of the WHATWG Encoding Standard: others are hardly ever written.
COMMON = (
    *("cp1252", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "cp1251", "koi8_r"),
    *("cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("mac_roman", "mac_cyrillic"),
)
WESTERN = ("cp1252", "iso8859_1", "iso8859_15")  # alike but for a few signs
LATIN = {"cp1250", "cp1254", "cp1257", "cp1258"}
N_PROPOSED = 3
N_BYTES = 100_000
MAX_MOJIBAKE_SHARE = 0.05  # of the characters beyond ASCII
MIN_MOJIBAKE = 3  # characters or sequences
SAMPLE_LENGTH = 20


def likely_encodings(raw: bytes) -> list[str]:
    """Return the common encodings that a text may have, likeliest first.

    But the most frequent, cp1252, is before all others, and those of the Macintosh are last.
    """
    likely = [name for name in _possible_encodings(raw) if name in COMMON]
    likely.sort(key=lambda name: (name != COMMON[0], name.startswith("mac")))
    if COMMON[0] not in likely and not LATIN.isdisjoint(likely):  # a few accents do not tell
        likely.insert(1, COMMON[0])
    return likely


def propose_encodings(raw: bytes, given: str) -> str:
    """Return the end of an error message: options to try, each with how a part then reads."""
    options = []
    for name in likely_encodings(raw):
        try:
            sample = _sample(_non_ascii(raw).decode(name))
        except UnicodeDecodeError:
            continue
        if codecs.lookup(name) != codecs.lookup(given):
            options.append(f"--encoding {name} ({sample!r})")
    listed = " or ".join(options[:N_PROPOSED]) or "--encoding cp1252, if it is Western European"
    return (
        "Save it as UTF-8, or pass its encoding (`wholescript data prepare` and `wholescript "
        f"predict text` have the option), so that this reads well: {listed}."
    )


def find_mojibake(raw: bytes, text: str, encoding: str) -> str | None:
    """Return why `text` is not what `raw` means in another encoding than UTF-8, or None."""
    name = codecs.lookup(encoding).name
    if name.startswith("utf-8"):
        return None
    if name.startswith(("utf-16", "utf-32")):
        # Delimiters and line ends have zero bytes there in any language.
        return None if b"\0" in raw else "it has no zero bytes"
    if not raw.isascii() and b"\0" not in raw and is_utf8(raw):
        return "it is UTF-8"
    n_beyond = sum(character > "\x7f" for character in text)
    n_controls = sum("\x80" <= character <= "\x9f" for character in text)
    if badness(text) + n_controls >= max(MIN_MOJIBAKE, MAX_MOJIBAKE_SHARE * n_beyond):
        return f"the characters then make no sense, such as {_sample(text)!r}"
    return None


def note_on_encoding(raw: bytes, encoding: str) -> list[str]:
    """Return a note if a text that is not in UTF-8 looks like other encodings than the given."""
    name = codecs.lookup(encoding).name.replace("-", "_")  # as charset_normalizer writes it
    if raw.isascii() or name.startswith("utf"):
        return []
    likely, alike = likely_encodings(raw), WESTERN if name in WESTERN else (name,)
    if not likely or {*alike} & {*likely, *_possible_encodings(raw)}:
        return []
    return [f"as {encoding}, although it looks like {' or '.join(likely[:N_PROPOSED])}"]


def _possible_encodings(raw: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    matches = from_bytes(_non_ascii(raw))
    return list(dict.fromkeys(one for match in matches for one in match.could_be_from_charset))


def _non_ascii(raw: bytes) -> bytes:
    """Return the lines that have bytes beyond ASCII, the first 100,000 bytes of them."""
    lines, size = list[bytes](), 0
    for line in raw.splitlines(keepends=True):
        if not line.isascii():
            lines.append(line)
            size += len(line)
            if size > N_BYTES:
                break
    return b"".join(lines)


def is_utf8(raw: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _sample(text: str) -> str:
    """Return what begins a little before the first control or other character beyond ASCII."""
    found = re.search("[\x80-\x9f]", text) or re.search(r"[^\x00-\x7f]", text)
    first = found.start() if found else 0
    start = max(0, first - SAMPLE_LENGTH // 4)
    return " ".join(text[start : start + SAMPLE_LENGTH].split())
