"""Foreign text on its way to a page: what passes, what does not."""

import pytest
from renderer import markup
from renderer.assets import ActiveImageError, Assets, png_size


@pytest.mark.parametrize(
    "foreign",
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
def test_html_of_cells_neither_runs_nor_loads_nor_styles(foreign: str) -> None:
    clean = str(markup.clean_html(f"<table><tbody><tr><td>{foreign}</td></tr></tbody></table>"))
    for word in ("script", "onerror", "onclick", "style", "iframe", "img", "form", "id=", "class="):
        assert word not in clean
    assert "example.org" not in clean


def test_columns_of_numbers_are_marked() -> None:
    table = markup.clean_table(
        "<table><thead><tr><th></th><th>model</th><th>auc</th></tr></thead><tbody>"
        "<tr><th>0</th><td>a-1</td><td>-0.5 (-0.6 to -0.4)</td></tr>"
        "<tr><th>1</th><td>2</td><td>NaN</td></tr></tbody></table>"
    )
    assert '<th scope="col" class="num">auc</th>' in table
    assert "<td>a-1</td>" in table
    assert '<td class="num">−0.5 (−0.6 to −0.4)</td>' in table  # noqa: RUF001


def test_spanning_headers_leave_columns_alone() -> None:
    table = markup.clean_table(
        '<table><thead><tr><th colspan="2">both</th></tr><tr><th>a</th><th>b</th></tr></thead>'
        "<tbody><tr><td>1</td><td>x</td></tr></tbody></table>"
    )
    assert '<th colspan="2" scope="col">both</th>' in table
    assert '<th scope="col" class="num">a</th>' in table


def test_progress_bars_show_their_last_state() -> None:
    assert markup.terminal_text("  1%\r 50%\r100%\n\x1b[31mdone\x1b[0m\n") == "100%\ndone"


def test_unknown_language_is_shown_plain() -> None:
    assert markup.code("<b> & c", "no-such-language") == "&lt;b&gt; &amp; c"


def test_formula_that_did_not_parse_is_none() -> None:
    assert markup.mathml('<span class="katex-error">x</span>') is None


def test_letters_of_other_alphabets_are_characters() -> None:
    formula = markup.mathml('<math><mi mathvariant="double-struck">R</mi></math>')
    assert formula == "<math><mi>\N{DOUBLE-STRUCK CAPITAL R}</mi></math>"


def test_names_of_functions_stand_apart() -> None:
    apply, thin = "<mo>\N{FUNCTION APPLICATION}</mo>", '<mspace width="0.1667em"></mspace>'
    between = markup.mathml(f"<math><mi>n</mi><mi>log</mi>{apply}<mi>n</mi></math>")
    assert between == f"<math><mi>n</mi>{thin}<mi>log</mi>{thin}<mi>n</mi></math>"
    before = markup.mathml(f"<math><mi>log</mi>{apply}<mo>(</mo></math>")
    assert before == "<math><mi>log</mi><mo>(</mo></math>"


@pytest.mark.parametrize(
    "inside",
    [
        "<script/>",
        "<foreignObject/>",
        '<a href="javascript:x"/>',
        '<g onload="x"/>',
        '<image href="https://example.org/a.png"/>',
        '<x:script xmlns:x="http://www.w3.org/2000/svg"/>',
    ],
)
def test_drawings_may_only_draw(inside: str) -> None:
    with pytest.raises(ActiveImageError):
        Assets().add(f"<svg>{inside}</svg>".encode(), "figure.svg")


def test_files_are_named_by_content() -> None:
    assets = Assets()
    first, second = assets.add(b"a", "my plot.png"), assets.add(b"b", "my plot.png")
    assert first != second
    assert first == assets.add(b"a", "my plot.png")
    assert first.startswith("assets/my-plot.")


def test_size_of_other_formats_is_unknown() -> None:
    assert png_size(b"\xff\xd8\xff") is None
