"""Sanitisation of external content."""

import html
import io
import json

import matplotlib.pyplot as plt
import pytest
from renderer import markup
from renderer.assets import Assets, png_size
from renderer.provenance import find_unbound_number_in_formula
from renderer.svg_safety import UnsafeSVGError, check_svg_safe

SVG = "http://www.w3.org/2000/svg"


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        '<td onclick="alert(1)">x</td>',
        '<div style="background:url(//example.org)">x</div>',
        "<iframe src=//example.org></iframe>",
        "<svg><script>alert(1)</script></svg>",
        '<form action="//example.org"><input></form>',
        "<style>body{display:none}</style>",
        '<p id="main" class="skip">x</p>',
    ],
)
def test_html_of_cells_is_sanitised(content: str) -> None:
    clean = str(markup.clean_html(f"<table><tbody><tr><td>{content}</td></tr></tbody></table>"))
    for word in ("script", "onerror", "onclick", "style", "iframe", "img", "form", "id=", "class="):
        assert word not in clean
    assert "example.org" not in clean


def test_numeric_columns_are_marked() -> None:
    table = markup.clean_table(
        "<table><thead><tr><th></th><th>model</th><th>auc</th></tr></thead><tbody>"
        "<tr><th>0</th><td>a-1</td><td>-0.5 (-0.6 to -0.4)</td></tr>"
        "<tr><th>1</th><td>2</td><td>NaN</td></tr></tbody></table>"
    )
    assert '<th scope="col" class="num">auc</th>' in table
    assert "<td>a-1</td>" in table
    assert '<td class="num">−0.5 (−0.6 to −0.4)</td>' in table  # noqa: RUF001


def test_spanning_headers_are_not_numeric() -> None:
    table = markup.clean_table(
        '<table><thead><tr><th colspan="2">both</th></tr><tr><th>a</th><th>b</th></tr></thead>'
        "<tbody><tr><td>1</td><td>x</td></tr></tbody></table>"
    )
    assert '<th colspan="2" scope="col">both</th>' in table
    assert '<th scope="col" class="num">a</th>' in table


def test_columns_are_named_in_cells_of_wide_tables_only() -> None:
    def table(n_columns: int) -> str:
        head = "".join(f"<th><em>{n}</em></th>" for n in range(n_columns))
        body = "".join(f"<td>{n}</td>" for n in range(n_columns - 2)) + '<td colspan="2">x</td>'
        return f'<table id="a"><thead><tr>{head}</tr></thead><tbody><tr>{body}</tr></tbody></table>'

    assert markup.name_columns(table(2)) == table(2)
    assert (
        '<tr><td>0</td><td data-label="1">1</td><td colspan="2" data-label="2">x</td></tr>'
        in markup.name_columns(table(4))
    )


def test_progress_bars_show_their_last_state() -> None:
    assert markup.terminal_text("  1%\r 50%\r100%\n\x1b[31mdone\x1b[0m\n") == "100%\ndone"


def test_n_grams_do_not_break_at_their_hyphen_in_text_that_is_no_code() -> None:
    same = '<title>n-grams</title><a title="n-grams"><code>n-gram</code></a>'
    assert markup.join_n_grams(same) == same
    assert markup.join_n_grams("<h1>N-grams</h1>") == '<h1><span class="nowrap">N-grams</span></h1>'


def test_unknown_language_is_not_highlighted() -> None:
    assert markup.code("<b> & c", "no-such-language") == "&lt;b&gt; &amp; c"


@pytest.mark.parametrize(
    "tex",
    [
        "x_i + 14",
        "14",
        "95\\%",
        "0, 1, \\dots, n",
        "0.5 \\mathcal{L}_{\\text{total loss}}",
        "\\int f\\,dx = n \\log n",
        "\\begin{array}{ccc} a & b \\end{array}",
        "\\text{words \\textbf{in} words}",
        "p(y \\mid x)",
    ],
)
def test_formulas_are_no_prose(tex: str) -> None:
    assert markup.find_prose(tex) is None


@pytest.mark.parametrize(
    "tex",
    [
        "14, 30 more than the ",
        "3 to US",
        "3/",
        "3-",
        "3\N{EN DASH}",
        "3k, ",
        "3 (",
        "5 ",
        "PATH:",
        "größer",
        "x% y",
        "a or b",
    ],
)
def test_prose_between_dollars_is_no_formula(tex: str) -> None:
    assert markup.find_prose(tex)


@pytest.mark.parametrize(
    ("before", "tex", "after"),
    [
        ("NZ", "6/NZ", "8 apiece"),
        ("HK", "40-HK", "60"),
        ("R", " 6/R", " 8"),
        ("", "6/A", " 8"),
        ("", "6=", "8"),
        ("", "6k/US", "8k"),
        ("", ".75>", ".50"),
        ("6", "/8", " apiece"),
        ("6k", "-8k", ""),
        ("6", " - 8", ""),
    ],
)
def test_money_is_found_by_the_text_around_it(before: str, tex: str, after: str) -> None:
    assert "an amount right" in (markup.find_prose(tex, before, after) or "")


@pytest.mark.parametrize(
    ("before", "tex", "after"),
    [
        ("R", "^2", ""),
        ("H", "_2", "O"),
        ("10", "\\times", "10"),
        ("10", "^6", ""),
        ("2", " \\times 10", ""),
        ("p", "<", "5"),
        ("the ", "n", "th"),
        ("the ", "2n", "th"),
        ("top-", "5k", " of"),
        ("of ", "n = 12", ", 13"),
        ("in ", "O(n^2)", " time"),
        ("at ", "\\alpha=0.05", ";"),
        ("of ", "3/N", " of 7"),
    ],
)
def test_formula_may_touch_the_text_around_it(before: str, tex: str, after: str) -> None:
    assert markup.find_prose(tex, before, after) is None


@pytest.mark.parametrize(
    ("tex", "number"),
    [
        ("50\\%", "50%"),
        ("50%", "50%"),
        ("+3.2\\,\\%", "+3.2 %"),
        ("-12\\%", "-12%"),
        ("50\\text{\\%}", "50%"),
        ("p = 0.734", "0.734"),
        ("p < .001", ".001"),
        ("p = 0.734, n = 12", "0.734"),
        ("0.734 = p", "0.734"),
        ("\\Delta \\approx {+}0.024", "+0.024"),
        ("\\text{AUROC} = 0.734 \\pm 0.012", "0.734"),
        ("\\theta \\in [0.71, 0.79]", "0.71"),
        ("t = 3.2\\,\\mathrm{s}", "3.2"),
        ("3.2 \\times 10^{-4}", "3.2"),
        ("\\text{It reaches 0.771}", "0.771"),
    ],
)
def test_a_number_that_a_formula_states_looks_like_a_result(tex: str, number: str) -> None:
    assert find_unbound_number_in_formula(tex) == number


@pytest.mark.parametrize(
    "tex",
    [
        "x_i + 14",
        "\\gamma = 2",
        "n = 12",
        "0, 1, \\dots, n",
        "10^{-4}",
        "n^{0.5}",
        "0.5 \\mathcal{L}_{\\text{total loss}}",
        "\\mathcal{L} = 0.8\\,\\text{CE} + 0.2\\,\\text{LM}",
        "y = 0.3 + 0.5x",
        "\\lambda = 0.5 (x + y)",
        "\\begin{pmatrix} 0.1 & 0.2 \\end{pmatrix}",
    ],
)
def test_numbers_of_mathematics_are_no_results(tex: str) -> None:
    assert find_unbound_number_in_formula(tex) is None


def test_formula_that_did_not_parse_is_none() -> None:
    assert markup.mathml('<span class="katex-error">x</span>') is None


def test_math_alphabets_are_unicode_characters() -> None:
    formula = markup.mathml('<math><mi mathvariant="double-struck">R</mi></math>')
    assert formula == "<math><mi>\N{DOUBLE-STRUCK CAPITAL R}</mi></math>"


def test_function_names_have_thin_spaces() -> None:
    apply, thin = "<mo>\N{FUNCTION APPLICATION}</mo>", '<mspace width="0.1667em"></mspace>'
    between = markup.mathml(f"<math><mi>n</mi><mi>log</mi>{apply}<mi>n</mi></math>")
    assert between == f"<math><mi>n</mi>{thin}<mi>log</mi>{thin}<mi>n</mi></math>"
    before = markup.mathml(f"<math><mi>log</mi>{apply}<mo>(</mo></math>")
    assert before == "<math><mi>log</mi><mo>(</mo></math>"


def test_tags_in_attributes_are_escaped() -> None:
    hidden = "&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
    table = markup.clean_table(
        f'<table><tbody><tr><th colspan="{hidden}">1</th>'
        '<td><a href="https://example.org/<th><script>alert(1)</script></th>">2</a></td>'
        "</tr></tbody></table>"
    )
    assert "<script" not in table
    assert "&lt;script&gt;" in table


@pytest.mark.parametrize(
    "content",
    [
        '<mi style="background:url(//example.org)">x</mi>',
        '<mi onclick="alert(1)">x</mi>',
        '<mrow href="javascript:alert(1)"><mi>x</mi></mrow>',
        "<mtext><script>alert(1)</script></mtext>",
        '<annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml>',
    ],
)
def test_formulas_are_sanitised(content: str) -> None:
    clean = str(markup.mathml(f"<span><math><mn>1</mn>{content}</math></span>"))
    assert clean.startswith("<math><mn>1</mn>")
    for word in ("script", "onerror", "onclick", "style", "href", "img", "xml"):
        assert word not in clean


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("<script/>", "<script"),
        ("<foreignObject/>", "<foreignObject"),
        ('<iframe xmlns="http://www.w3.org/1999/xhtml" src="x"/>', "<iframe"),
        (f'<x:script xmlns:x="{SVG}"/>', "<script"),
        ("<animate/>", "<animate"),
        ('<a href="javascript:x"/>', "<a"),
        ('<use href="https://example.org/a.svg#a"/>', "href=https://example.org/a.svg#a"),
        ('<use href="javascript:x"/>', "href=javascript:x"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "href=data:image/svg+xml;base64,AAAA"),
        ('<g onload="x"/>', "onload="),
        ('<g xml:base="https://example.org"/>', "base="),
        ('<path fill="url(https://example.org/a.svg#a)"/>', "url(h"),
        ("<path style=\"fill: URL( '//example.org')\"/>", "URL(/"),
        ("<style>@import 'https://example.org/a.css';</style>", "@import"),
        ("<style>g { fill: \\75rl(x) }</style>", "\\75rl(x)"),
        ("<metadata><script/></metadata>", "<script"),
        ('<metadata><script xmlns="http://www.w3.org/1999/xhtml">x</script></metadata>', "<script"),
        ("<metadata></metadata><script>x</script><metadata></metadata>", "<script"),
        ("<!--<metadata>--><script>x</script><!--</metadata>-->", "<script"),
        ("<g><script>not closed</g>", "mismatched tag"),
    ],
)
def test_svg_content_that_is_not_allowed_is_an_error(inside: str, found: str) -> None:
    with pytest.raises(UnsafeSVGError, match="unsafe SVG") as error:
        Assets().add(f'<svg xmlns="{SVG}">{inside}</svg>'.encode(), "figure.svg")
    assert f"unsafe SVG: '{found}" in str(error.value)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE svg [<!ENTITY e "<script/>">]>',
        '<!DOCTYPE svg [<!ATTLIST svg onload CDATA "alert(1)">]>',
        '<?xml-stylesheet type="text/xsl" href="data:,x"?>',
        '<?xml version="1.0" encoding="nowhere"?>',
        "not an SVG",
    ],
)
def test_svg_declarations_are_errors(head: str) -> None:
    with pytest.raises(UnsafeSVGError):
        check_svg_safe(f'{head}<svg xmlns="{SVG}"/>'.encode())


def test_html_is_not_an_svg() -> None:
    with pytest.raises(UnsafeSVGError, match="unsafe SVG: '<html'"):
        check_svg_safe(b'<html xmlns="http://www.w3.org/1999/xhtml"/>')


def test_matplotlib_svg_is_safe() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    left.bar([1, 2], [2, 1], hatch="/", label="bars <b>")
    left.legend(title="films & scripts")
    left.text(1, 1, r"$\sum x_i$")
    right.imshow([[0, 1], [1, 0]])
    right.scatter([0, 1], [1, 0], alpha=0.5)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Title": "<script>alert(1)</script>"})
    plt.close(figure)
    facts = html.escape(json.dumps({"title": "<script>alert(1)</script>"}))
    provenance = f'<metadata id="wholescript">{facts}</metadata>'
    check_svg_safe(drawn.getvalue().replace(b"<defs>", provenance.encode() + b"<defs>", 1))


def test_files_are_named_by_content() -> None:
    assets = Assets()
    first, second = assets.add(b"a", "my plot.png"), assets.add(b"b", "my plot.png")
    assert first != second
    assert first == assets.add(b"a", "my plot.png")
    assert first.startswith("assets/my-plot.")


def test_png_size_of_other_formats_is_none() -> None:
    assert png_size(b"\xff\xd8\xff") is None
