"""Words that a terminal, a table, a page or a figure could take for mark-up."""

from hypothesis import strategies as st

LOOKS_LIKE_MARKUP = (
    *("[/blue]", "[link=https://example.org]click", "[b u]", ":fire:", "<i>x</i>", "&lt;"),
    *("$c^2$", r"$\sqrt{$", r"\$9", "$", "{", "{1}", "%d", "**", "_", "|", "```", "\\", "~~a~~"),
    *(' style="text-align: right;"', ' class="dataframe"', "一二三", "\u200fשם"),
)
OBEYED_BY_TERMINALS = (
    "\x1b[32m",
    "\x1b]0;title\x07",
    "a\rb",
    "\x9b1m",
    "a\nb",
    "a\tb",
    "\u202ecba",
)


def words() -> st.SearchStrategy[str]:
    """Return texts made of such words, letters and any other characters that can be encoded."""
    part = (
        st.sampled_from(LOOKS_LIKE_MARKUP + OBEYED_BY_TERMINALS)
        | st.sampled_from(["red", " ", "film"])
        | st.characters(exclude_categories=["Cs", "Cn"])
    )
    return st.lists(part, min_size=1, max_size=5).map(lambda parts: "".join(parts).strip())
