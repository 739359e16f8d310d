"""Texts of users made visible: what a terminal or a reader of XML would obey is escaped."""

import re

# Control characters with those that start an escape sequence, overrides of the direction of
# writing, which reorder what follows them, and halves of characters, which cannot be encoded.
_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, keep: str = "") -> str:
    r"""Return a text with its control characters escaped, as in `\x1b`, except those of `keep`."""
    return _OBEYED.sub(
        lambda found: (
            found[0] if found[0] in keep else found[0].encode("unicode_escape").decode("ascii")
        ),
        text,
    )
