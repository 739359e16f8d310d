import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wholescript.errors import RunError
from wholescript.experiments.results import Metric
from wholescript.publish.comparison.trees import MetricComparison, compare_outputs

Tree = Callable[..., Path]
STEP = 0.02  # the tolerance of a figure; its axis spans 0 to 1


def words_of(stored: Path, again: Path) -> list[str]:
    found = compare_outputs(stored, again)
    return [f"{f.label}: {words}" for f in found.figures_changed for words in f.differences]


def test_nothing_is_reported_on_two_equal_trees(make_tree: Tree) -> None:
    found = compare_outputs(make_tree("stored"), make_tree("again"))
    assert found.same
    assert [len(found.metrics), len(found.figures)] == [1, 2]
    assert found.parameters == found.claims == found.metrics_out_of_tolerance == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(
            {"colormap": "magma"},
            "axes 2, image 1, colour map: 'magma' was 'viridis'",
            id="a wrong colour scale",
        ),
        pytest.param(
            {"color_limits": (0.0, 8.0)},
            "axes 2, image 1, colour limits at point 2: 8 was 5, tolerance 0.1",
            id="other colour limits",
        ),
        pytest.param(
            {"legend": ("stack", "words")},
            "axes 1, legend 1: 'stack' was 'words'",
            id="labels of the legend swapped",
        ),
        pytest.param(
            {"words": [0.4, 0.3, 0.6, 0.8], "stack": [0.5, 0.7, 0.6, 0.9]},
            "axes 1, line 'words', y at point 2: 0.3 was 0.7, tolerance 0.02 (and 2 more)",
            id="series swapped",
        ),
        pytest.param(
            {"limits": (0.2, 1.0)},
            "axes 1, y limits at point 1: 0.2 was 0, tolerance 0.02",
            id="another limit of an axis",
        ),
        pytest.param(
            {"ticks": ("a", "b", "x", "d")},
            "axes 1, x, tick 3: 'x' was 'c'",
            id="another tick label",
        ),
        pytest.param(
            {"words": [0.5, 0.7 + 3 * STEP, 0.6, 0.9]},
            "axes 1, line 'words', y at point 2: 0.76 was 0.7, tolerance 0.02",
            id="a point moved by three tolerances",
        ),
        pytest.param(
            {"words": [0.5, math.nan, 0.6, 0.9]},
            "axes 1, line 'words', y at point 2: nan was 0.7, tolerance 0.02",
            id="a gap in a line",
        ),
        pytest.param(
            {"words": [0.5, 0.7, 0.6]},
            "axes 1, line 'words', y: 3 numbers, were 4",
            id="a point left out",
        ),
        pytest.param({"scale": "symlog"}, "axes 1, y, scale: 'symlog' was 'linear'", id="scale"),
        pytest.param({"pixels": 1.2}, "axes 2, image 1, values at point 2 x 2: 3.6 was 3", id="px"),
        pytest.param(
            {"ink": "red"},
            "of the pixels differ, although the plotted data agree",
            id="a picture repainted while the data agree",
        ),
        pytest.param(
            {"table": {"model": ["words", "stack"], "auc": [0.7, 0.65], "films": [10, 20]}},
            "tbl-auc: row 2 (stack), auc: 0.65 was 0.6, tolerance 0.002",
            id="a cell of a table",
        ),
        pytest.param(
            {"table": {"model": ["words", "tree"], "auc": [0.7, 0.6], "films": [10, 20]}},
            "tbl-auc: row 2 (stack), model: tree was stack",
            id="a text in a table",
        ),
        pytest.param(
            {"table": {"model": ["words", "stack"], "auc": [0.7, 0.6]}},
            "tbl-auc: columns model, auc; were model, auc, films",
            id="a column dropped",
        ),
        pytest.param(
            {"table": {"model": ["words"], "auc": [0.7], "films": [10]}},
            "tbl-auc: 1 rows, were 2",
            id="a row dropped",
        ),
    ],
)
def test_a_planted_fault_is_named_with_its_place(
    make_tree: Tree, fault: dict[str, Any], said: str
) -> None:
    found = words_of(make_tree("stored"), make_tree("again", **fault))
    assert any(said in words for words in found), found


@pytest.mark.parametrize(
    "small",
    [
        {"words": [0.5, 0.7 + STEP / 2, 0.6, 0.9]},
        {"pixels": 1.01},
        {"table": {"model": ["words", "stack"], "auc": [0.7005, 0.6], "films": [10, 20]}},
        {"auc": 0.705},
    ],
)
def test_half_a_tolerance_is_not_reported(make_tree: Tree, small: dict[str, Any]) -> None:
    assert compare_outputs(make_tree("stored"), make_tree("again", **small)).same


def test_on_a_logarithmic_axis_distances_are_ratios(make_tree: Tree) -> None:
    axis: dict[str, Any] = {"scale": "log", "limits": (1e-4, 1.0)}
    stored = make_tree("stored", words=[1e-3, 0.1, 0.1, 0.1], **axis)
    near = make_tree("near", words=[1e-3, 0.11, 0.1, 0.1], **axis)
    far = make_tree("far", words=[2e-3, 0.1, 0.1, 0.1], **axis)
    assert words_of(stored, near) == []
    assert words_of(stored, far) == [
        "fig-auc: axes 1, line 'words', y at point 1: 0.002 was 0.001, tolerance a factor of 1.2"
    ]


def test_a_figure_keeps_its_own_tolerance(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again", words=[0.5, 0.71, 0.6, 0.9])
    path = stored / "figures" / "fig-auc.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tolerance": 0.001}))
    assert words_of(stored, again) == [
        "fig-auc: figure, tolerance: 0.02 was 0.001",
        "fig-auc: axes 1, line 'words', y at point 2: 0.71 was 0.7, tolerance 0.001",
    ]


def test_a_missing_and_a_new_figure(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again")
    for path in (again / "figures").glob("fig-auc.*"):
        path.unlink()
    assert words_of(stored, again) == ["fig-auc: is missing"]
    assert words_of(again, stored) == ["fig-auc: is new"]


def test_a_missing_file_of_a_figure_and_another_size(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again")
    (again / "figures" / "fig-auc.svg").unlink()
    with Image.open(again / "figures" / "fig-auc.png") as picture:
        small = picture.resize((10, 20))
    small.save(again / "figures" / "fig-auc.png")
    with Image.open(stored / "figures" / "fig-auc.png") as picture:
        was = "{} x {}".format(*picture.size)
    assert words_of(stored, again) == [
        "fig-auc: files missing: .svg",
        f"fig-auc: fig-auc.png: 10 x 20 pixels, were {was}",
    ]


def test_the_dark_picture_is_compared_too(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again")
    shutil.copy(again / "figures" / "fig-auc.png", again / "figures" / "fig-auc.dark.png")
    [said] = words_of(stored, again)
    assert "fig-auc.dark.png" in said and "of the pixels differ" in said


def test_a_damaged_figure_is_named(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again")
    (again / "figures" / "fig-auc.json").write_text("{")
    with pytest.raises(RunError, match=r"fig-auc\.json is damaged"):
        compare_outputs(stored, again)


@pytest.mark.parametrize(
    ("again", "within"),
    [(0.75, True), (0.759, True), (0.78, False), (None, False), (math.nan, False)],
)
def test_a_metric_is_within_its_tolerance_or_outside(again: float | None, within: bool) -> None:
    metric = None if again is None else Metric(again, tolerance=1.0)
    assert MetricComparison("g/n", "auc", Metric(0.75, tolerance=0.01), metric).within is within


def test_a_metric_off_by_three_tolerances_and_the_claim_that_it_breaks(make_tree: Tree) -> None:
    found = compare_outputs(make_tree("stored", auc=0.66), make_tree("again", auc=0.63))
    assert [
        (m.run, m.name, round(m.difference or 0, 6)) for m in found.metrics_out_of_tolerance
    ] == [("tiny/words", "auc", -0.03)]
    assert [(c.name, str(c)) for c in found.claims] == [("words-rank", "broken, was holds")]
    assert not found.same


def test_a_run_that_only_one_side_has_is_outside(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again")
    shutil.move(again / "results" / "tiny" / "words", again / "results" / "tiny" / "new")
    found = compare_outputs(stored, again).metrics_out_of_tolerance
    assert [(m.run, m.stored is None, m.again is None) for m in found] == [
        ("tiny/new", True, False),
        ("tiny/words", False, True),
    ]


def test_parameters_are_those_that_the_files_were_made_with(make_tree: Tree) -> None:
    found = compare_outputs(make_tree("stored"), make_tree("again", seed=3))
    assert [str(change) for change in found.parameters] == ["parameter 01_tiny.seed was 0, is 3"]


def test_parameters_are_those_of_params_yaml_where_both_have_one(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again", seed=3)
    (stored / "params.yaml").write_text("01_tiny: {slope: 1.0}\n")
    (again / "params.yaml").write_text("01_tiny: {slope: 2.0, rows: a}\n")
    assert [str(change) for change in compare_outputs(stored, again).parameters] == [
        "parameter 01_tiny.rows is new",
        "parameter 01_tiny.slope was 1.0, is 2.0",
    ]


def test_claims_that_cannot_be_run_are_shown_as_one_that_is_broken(make_tree: Tree) -> None:
    stored, again = make_tree("stored"), make_tree("again")
    (stored / "report" / "claims.py").write_text("from wholescript import of_another_time")
    found = compare_outputs(stored, again).claims
    assert [(c.name, str(c)) for c in found] == [
        ("claims.py", "not made, was broken"),
        ("words-rank", "holds, was not made"),
    ]
    assert "of_another_time" in found[0].statement
