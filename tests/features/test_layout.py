import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.features.layout import LAYOUT_NAMES, measure_layout

SCENE = """INT. THE OLD HARBOUR - NIGHT

She waits... The ferry is late -- again, as ever.

MARA (O.S.)
(softly)
Where is it? There!

12A EXT. PIER - DAY
CUT TO:
"""


def values(text):
    return dict(zip(LAYOUT_NAMES, measure_layout(text).tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("sluglines", 2),
        ("cues", 1),
        ("parentheticals", 1),
        ("transitions", 1),
        ("questions", 1),
        ("exclamations", 1),
        ("ellipses", 1),
        ("dashes", 1),
        ("commas", 1),
        ("digits", 2),
    ],
)
def test_counts_of_a_scene(name, count):
    assert values(SCENE)[name] == pytest.approx(1_000 * count / len(SCENE.split()))


def test_words_per_line_and_sentence():
    found = values("One two three four. Five six!\n\nSeven eight\n")
    assert found["words_per_line"] == 4
    assert found["words_per_sentence"] == 4


@given(st.text(max_size=200))
def test_every_text_has_finite_values(text):
    found = measure_layout(text)
    assert found.shape == (len(LAYOUT_NAMES),)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    "text",
    ["1" * 400_000, "A" + " " * 400_000 + "b", "!" * 400_000 + "x", "A. " * 200_000 + "b"],
    ids=["digits", "spaces", "marks", "capitals"],
)
def test_time_is_linear_in_the_length(text):
    # A quadratic pattern would need about 10**11 steps, which is hours.
    assert np.isfinite(measure_layout(text)).all()
