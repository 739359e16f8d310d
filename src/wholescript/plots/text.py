"""Texts of the data in figures: Matplotlib reads what is between two `$` as mathematics."""

from wholescript.printable import printable


def literal(text: str) -> str:
    r"""Return a text of the data as Matplotlib draws it unchanged: `$` is no mathematics.

    >>> literal("$12 or $8")
    '\\$12 or \\$8'
    """
    return printable(text, keep="\n").replace("$", r"\$")


def as_drawn(text: str) -> str:
    """Return what Matplotlib draws of a text: the inverse of `literal`."""
    return text.replace(r"\$", "$")
