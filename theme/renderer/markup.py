"""Sanitise and render external content: code, terminal text, HTML tables, Markdown and maths."""

import re
import unicodedata

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

# fmt: off
_TAGS = {
    "a", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "div", "dl", "dt",
    "em", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "small", "span", "strong",
    "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}
_ATTRIBUTES = {
    "a": {"href"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "ol": {"start"},
}
_FORMULA_TAGS = {
    "annotation", "math", "menclose", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover",
    "mpadded", "mphantom", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup",
    "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover", "semantics",
}
_FORMULA_ATTRIBUTES = {
    "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "columnspan", "depth",
    "display", "displaystyle", "encoding", "fence", "height", "largeop", "linethickness", "lspace",
    "mathbackground", "mathcolor", "mathsize", "mathvariant", "maxsize", "minsize", "movablelimits",
    "notation", "rowlines", "rowspacing", "rowspan", "rspace", "scriptlevel", "separator",
    "stretchy", "symmetric", "voffset", "width", "xmlns",
}
# fmt: on
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_FORMATTER = HtmlFormatter(nowrap=True)
_N_GRAM = re.compile(
    r"<(script|style|title|svg|pre|code|math)\b.*?</\1>|<[^>]*>|\b(n-grams?)\b",
    re.DOTALL | re.IGNORECASE,
)
_NUMBER = re.compile(
    r"[\s\d.,%()\[\]±+\N{MINUS SIGN}\N{EN DASH}e-]*\d[^A-Za-z]*(?: to [^A-Za-z]*)?"
)
# What holds words in a formula by right: text, and names of operators, environments and colours.
_TEX_TEXT = re.compile(
    r"\\(?:text\w*|math\w*|operatorname\*?|mbox|begin|end|label|tag|color)\s*\{[^{}]*\}"
    r"(?:\{[clr| ]+\})?"
)
_WORD = re.compile(r"[^\W\d_]{3,}|(?<!\S)(?:a[nst]|by|i[fnst]|o[fnr]|to)(?!\S)")
_BROKEN_AMOUNT = re.compile(r"\d.*[\s,;:/(+\N{EN DASH}\N{EM DASH}-]", re.DOTALL)
# Money by what is around a formula: US$3/US$4, $3=$4, $3/A$ 4 and 3$/4$.
_AMOUNT_START = re.compile(r"\s*[~<>+\N{MINUS SIGN}-]?\s*\.?\d")
_CODE_END = re.compile(r"[\s,;:/(+\N{EN DASH}\N{EM DASH}-][A-Z]{1,3}\Z")
_AMOUNT_BEFORE = re.compile(r"\d\w{0,2}\Z")
_AMOUNT_END = re.compile(r"[\s,;:/(+\N{EN DASH}\N{EM DASH}-][^\\]*\d\w{0,2}")
MOST_COLUMNS_ON_A_PHONE = 2
_APPLY = "\N{FUNCTION APPLICATION}"
_THIN = '<mspace width="0.1667em"></mspace>'
_ABSENT = {"", "NaN", "nan", "None", "-", "\N{EN DASH}", "\N{EM DASH}"}


def clean_html(text: str) -> Markup:
    """Keep the tags of tables and prose; remove everything that styles, loads or runs."""
    return Markup(
        nh3.clean(
            text,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            clean_content_tags={"script", "style"},
            url_schemes={"http", "https"},
        )
    )


def clean_table(text: str) -> Markup:
    """Clean HTML of a notebook; in tables, add the scope of headers and mark numeric columns."""
    return Markup(
        re.sub(
            r"<table>.*?</table>",
            lambda table: _annotate_table(table[0]),
            clean_html(text),
            flags=re.S,
        )
    )


def _annotate_table(table: str) -> str:
    """Return a clean table with header scopes and the class `num` on numeric columns."""
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S) for row in _rows(table)]
    head = len(_rows(table.partition("<tbody>")[0])) if "<tbody>" in table else 0
    width = max(map(len, rows), default=0)
    body = [row for row in rows[head:] if len(row) == width]
    numeric = [
        all(_NUMBER.fullmatch(cell) or cell.strip() in _ABSENT for cell in column)
        and any(_NUMBER.fullmatch(cell) for cell in column)
        for column in zip(*body, strict=True)
    ]

    def annotate_row(number: int, row: str) -> str:
        columns = iter(range(width))

        def annotate_cell(cell: re.Match[str]) -> str:
            tag, attributes, text = cell.groups()
            column = next(columns, width)
            if tag == "th" and "scope" not in attributes:
                attributes += ' scope="col"' if number < head else ' scope="row"'
            if len(rows[number]) == width and column < len(numeric) and numeric[column]:
                attributes += ' class="num"'
                text = re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)
            return f"<{tag}{attributes}>{text}</{tag}>"

        return re.sub(r"<(t[dh])\b([^>]*)>(.*?)</\1>", annotate_cell, row, flags=re.S)

    numbers = iter(range(len(rows)))
    return re.sub(
        r"<tr>.*?</tr>", lambda row: annotate_row(next(numbers), row[0]), table, flags=re.S
    )


def name_columns(content: str) -> Markup:
    """Name the column in each cell of tables with more than 2 columns.

    On a phone, the style sheet shows a row of them as lines with these names.
    """
    return Markup(re.sub(r"<table\b([^>]*)>(.*?)</table>", _name_columns, content, flags=re.S))


def _name_columns(table: re.Match[str]) -> str:
    head, tag, body = table[2].partition("<tbody>")
    cells = re.findall(r"<th[^>]*>(.*?)</th>", "".join(_rows(head)[-1:]), re.S)
    names = [re.sub(r"<[^>]*>", "", cell).strip().replace('"', "&quot;") for cell in cells]
    if len(names) <= MOST_COLUMNS_ON_A_PHONE or "colspan" in head:
        return table[0]

    def name_cells(row: re.Match[str]) -> str:
        column = 0

        def name_cell(cell: re.Match[str]) -> str:
            nonlocal column
            name = f' data-label="{names[column]}"' if 0 < column < len(names) else ""
            span = re.search(r'colspan="(\d+)"', cell[0])
            column += int(span[1]) if span else 1
            return f"{cell[0][:-1]}{name}>"

        return re.sub(r"<t[dh]\b[^>]*>", name_cell, row[0])

    body = re.sub(r"<tr>.*?</tr>", name_cells, body, flags=re.S)
    return f'<table{table[1]} class="stacked">{head}{tag}{body}</table>'


def _rows(table: str) -> list[str]:
    return re.findall(r"<tr>.*?</tr>", table, re.S)


def markdown(text: str) -> Markup:
    """Render the Markdown output of a cell; HTML in it is escaped."""
    return clean_table(_MARKDOWN.render(text))


def terminal_text(text: str) -> Markup:
    """Escape printed text, without ANSI colours and with only the last state of each line."""
    plain = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in plain.split("\n"))
    return escape("\n".join(lines).rstrip("\n"))


def join_n_grams(page: str) -> str:
    """Return a page on which no line breaks at the hyphen of "n-gram", in text that is no code."""
    return _N_GRAM.sub(
        lambda found: f'<span class="nowrap">{found[2]}</span>' if found[2] else found[0], page
    )


def code(text: str, language: str | None) -> Markup:
    """Highlight source code; code in an unknown language is not highlighted."""
    try:
        lexer = get_lexer_by_name(language or "text", stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    return Markup(highlight(text, lexer, _FORMATTER).rstrip("\n"))


def mathml(katex: str) -> Markup | None:
    """Return the MathML in the HTML of KaTeX; None if the TeX did not parse."""
    found = re.search(r"<math\b.*?</math>", katex, flags=re.DOTALL)
    if found is None or "katex-error" in katex:
        return None
    clean = nh3.clean(found[0], tags=_FORMULA_TAGS, attributes={"*": _FORMULA_ATTRIBUTES})
    # Browsers no longer support `mathvariant`: use the Unicode characters of the alphabet.
    formula = re.sub(
        r'<mi mathvariant="(?!normal)([a-z-]+)">(\w)</mi>',
        lambda match: f"<mi>{_alphabet(*match.groups())}</mi>",
        clean,
    )
    # Browsers do not set thin spaces around function names, as in `n log n`.
    formula = re.sub(
        rf"(</m(?:i|n|sub|sup|subsup)>|<mo[^>]*>\)</mo>)?(<mi>\w\w+</mi>)<mo>{_APPLY}</mo>",
        lambda match: f"{match[1] + _THIN if match[1] else ''}{match[2]}{_THIN}",
        formula,
    )
    formula = re.sub(rf"{_THIN}(?=<mo[^>]*>\()", "", formula)
    return Markup(formula)


def find_prose(tex: str, before: str = "", after: str = "") -> str | None:
    """Return what shows that a formula is prose between two dollar signs; None for a formula.

    Prose has words outside of commands such as `text`, begins as an amount of money and breaks off,
    or continues the text right before or after it as an amount does. A bare % hides the rest of a
    formula; after a digit it is a percentage, which is refused as a result.
    """
    bare, n_texts = tex, 1
    while n_texts:  # the innermost first
        bare, n_texts = _TEX_TEXT.subn("", bare)
    if found := _WORD.search(re.sub(r"\\[A-Za-z]+", " ", bare)):
        return f"the word '{found[0]}'"
    if re.search(r"(?<![\\\d])%", bare):
        return "a bare %"
    if _BROKEN_AMOUNT.fullmatch(tex.rstrip("\n")):
        return "an amount that breaks off"
    if _AMOUNT_START.match(tex):
        if before[-1:].isalnum():
            return f"an amount right after '{before.split()[-1]}'"
        if re.match(r"\.?\d", after) or (_CODE_END.search(tex) and re.match(r"\s*\d", after)):
            return f"an amount right before '{after.split()[0]}'"
    if _AMOUNT_BEFORE.search(before) and _AMOUNT_END.fullmatch(tex):
        return f"an amount right after '{before.split()[-1]}'"
    return None


def _alphabet(variant: str, letter: str) -> str:
    case = "CAPITAL" if letter.isupper() else "SMALL"
    style = variant.upper().replace("-", " ").replace("DOUBLE STRUCK", "DOUBLE-STRUCK")
    for prefix in ("MATHEMATICAL ", ""):
        try:
            return unicodedata.lookup(f"{prefix}{style} {case} {letter.upper()}")
        except KeyError:
            continue
    return letter
