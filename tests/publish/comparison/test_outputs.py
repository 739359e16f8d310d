import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wholescript.errors import RunError
from wholescript.experiments.results import Metric
from wholescript.publish.comparison.metrics import MetricComparison, with_tolerances
from wholescript.publish.comparison.outputs import compare_outputs
from wholescript.publish.provenance.record import remove_outputs

Tree = Callable[..., Path]
STEP = 0.02  # the tolerance of a figure; its axis spans 0 to 1


def messages(stored: Path, new: Path) -> list[str]:
    found = compare_outputs(stored, new)
    return [f"{f.label}: {text}" for f in found.figures_changed for text in f.differences]


def test_equal_trees_are_unchanged(make_tree: Tree) -> None:
    found = compare_outputs(make_tree("stored"), make_tree("new"))
    assert found.unchanged
    assert [len(found.metrics), len(found.figures)] == [1, 2]
    assert found.claims == found.metrics_out_of_tolerance == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"colormap": "magma"},
            "axes 2, image 1, colour map: 'magma' was 'viridis'",
            id="colour map",
        ),
        pytest.param(
            {"color_limits": (0.0, 8.0)},
            "axes 2, image 1, colour limits at point 2: 8 was 5, tolerance 0.1",
            id="colour limits",
        ),
        pytest.param(
            {"legend": ("stacking", "tfidf")},
            "axes 1, legend 1: 'stacking' was 'tfidf'",
            id="legend labels swapped",
        ),
        pytest.param(
            {"tfidf": [0.4, 0.3, 0.6, 0.8], "stacking": [0.5, 0.7, 0.6, 0.9]},
            "axes 1, line 'tfidf', y at point 2: 0.3 was 0.7, tolerance 0.02 (and 2 more)",
            id="series swapped",
        ),
        pytest.param(
            {"limits": (0.2, 1.0)},
            "axes 1, y limits at point 1: 0.2 was 0, tolerance 0.02",
            id="axis limit",
        ),
        pytest.param(
            {"ticks": ("a", "b", "x", "d")},
            "axes 1, x, tick 3: 'x' was 'c'",
            id="tick label",
        ),
        pytest.param(
            {"tfidf": [0.5, 0.7 + 3 * STEP, 0.6, 0.9]},
            "axes 1, line 'tfidf', y at point 2: 0.76 was 0.7, tolerance 0.02",
            id="point moved by three tolerances",
        ),
        pytest.param(
            {"tfidf": [0.5, math.nan, 0.6, 0.9]},
            "axes 1, line 'tfidf', y at point 2: nan was 0.7, tolerance 0.02",
            id="missing value in a line",
        ),
        pytest.param(
            {"tfidf": [0.5, 0.7, 0.6]},
            "axes 1, line 'tfidf', y: 3 numbers, were 4",
            id="point removed",
        ),
        pytest.param({"scale": "symlog"}, "axes 1, y, scale: 'symlog' was 'linear'", id="scale"),
        pytest.param({"pixels": 1.2}, "axes 2, image 1, values at point 2 x 2: 3.6 was 3", id="px"),
        pytest.param(
            {"ink": "red"},
            "of the pixels differ although the plotted data are equal",
            id="other pixels with equal data",
        ),
        pytest.param(
            {"table": {"model": ["tfidf", "stacking"], "auc": [0.7, 0.65], "films": [10, 20]}},
            "tbl-auc: row 2 (stacking), auc: 0.65 was 0.6, tolerance 0.002",
            id="table number",
        ),
        pytest.param(
            {"table": {"model": ["tfidf", "tree"], "auc": [0.7, 0.6], "films": [10, 20]}},
            "tbl-auc: row 2 (stacking), model: tree was stacking",
            id="table text",
        ),
        pytest.param(
            {"table": {"model": ["tfidf", "stacking"], "auc": [0.7, 0.6]}},
            "tbl-auc: columns model, auc; were model, auc, films",
            id="column removed",
        ),
        pytest.param(
            {"table": {"model": ["tfidf"], "auc": [0.7], "films": [10]}},
            "tbl-auc: 1 rows, were 2",
            id="row removed",
        ),
    ],
)
def test_change_is_reported_with_its_place(
    make_tree: Tree, change: dict[str, Any], message: str
) -> None:
    found = messages(make_tree("stored"), make_tree("new", **change))
    assert any(message in text for text in found), found


@pytest.mark.parametrize(
    "change",
    [
        {"tfidf": [0.5, 0.7 + STEP / 2, 0.6, 0.9]},
        {"pixels": 1.01},
        {"table": {"model": ["tfidf", "stacking"], "auc": [0.7005, 0.6], "films": [10, 20]}},
        {"auc": 0.705},
    ],
)
def test_change_within_tolerance_is_not_reported(make_tree: Tree, change: dict[str, Any]) -> None:
    assert compare_outputs(make_tree("stored"), make_tree("new", **change)).unchanged


def test_tolerance_on_a_logarithmic_axis_is_a_ratio(make_tree: Tree) -> None:
    axis: dict[str, Any] = {"scale": "log", "limits": (1e-4, 1.0)}
    stored = make_tree("stored", tfidf=[1e-3, 0.1, 0.1, 0.1], **axis)
    near = make_tree("near", tfidf=[1e-3, 0.11, 0.1, 0.1], **axis)
    far = make_tree("far", tfidf=[2e-3, 0.1, 0.1, 0.1], **axis)
    assert messages(stored, near) == []
    assert messages(stored, far) == [
        "fig-auc: axes 1, line 'tfidf', y at point 1: 0.002 was 0.001, tolerance a factor of 1.2"
    ]


def test_stored_tolerance_of_a_figure_is_used(make_tree: Tree) -> None:
    stored, new = make_tree("stored"), make_tree("new", tfidf=[0.5, 0.71, 0.6, 0.9])
    path = stored / "figures/01_tiny/plots.json"
    path.write_text(path.read_text().replace('"tolerance":0.02', '"tolerance":0.001'))
    assert messages(stored, new) == [
        "fig-auc: figure, tolerance: 0.02 was 0.001",
        "fig-auc: axes 1, line 'tfidf', y at point 2: 0.71 was 0.7, tolerance 0.001",
    ]


def test_missing_and_new_figure(make_tree: Tree) -> None:
    stored, new = make_tree("stored"), make_tree("new")
    remove_outputs(new / "figures" / "01_tiny", {"tbl-auc"})
    assert messages(stored, new) == ["fig-auc: is missing"]
    assert messages(new, stored) == ["fig-auc: is new"]


def test_missing_file_and_other_size_of_a_figure(make_tree: Tree) -> None:
    stored, new = make_tree("stored"), make_tree("new")
    (new / "figures/01_tiny/fig-auc.svg").unlink()
    image = new / "figures/01_tiny/fig-auc.dark.png"
    with Image.open(image) as drawn:
        was = "{} x {}".format(*drawn.size)
        drawn.resize((10, 20)).save(image)
    assert messages(stored, new) == [
        "fig-auc: files missing: fig-auc.svg",
        f"fig-auc: fig-auc.dark.png: 10 x 20 pixels, were {was}",
    ]


def test_ticks_of_an_axis_within_tolerance_may_differ(make_tree: Tree) -> None:
    # As on a machine of another speed: Matplotlib chooses other ticks for other limits.
    stored, new = make_tree("stored", limits=(0.0, 1.0)), make_tree("new", limits=(0.0, 1.015))
    assert messages(stored, new) == []


def test_damaged_figure_is_an_error(make_tree: Tree) -> None:
    stored, new = make_tree("stored"), make_tree("new")
    (new / "figures/01_tiny/plots.json").write_text("{")
    with pytest.raises(RunError, match=r"01_tiny/plots\.json is damaged"):
        compare_outputs(stored, new)


@pytest.mark.parametrize(
    ("new", "within"),
    [(0.75, True), (0.759, True), (0.78, False), (None, False), (math.nan, False)],
)
def test_metric_within_tolerance(new: float | None, within: bool) -> None:
    metric = None if new is None else Metric(new, tolerance=1.0)
    assert (
        MetricComparison("g/n", "auc", Metric(0.75, tolerance=0.01), metric).within_tolerance
        is within
    )


def test_metric_out_of_tolerance_and_its_claim_are_reported(make_tree: Tree) -> None:
    found = compare_outputs(make_tree("stored", auc=0.66), make_tree("new", auc=0.63))
    assert [
        (m.run, m.name, round(m.difference or 0, 6)) for m in found.metrics_out_of_tolerance
    ] == [("tiny/tfidf", "auc", -0.03)]
    assert [(c.name, str(c)) for c in found.claims] == [
        ("tfidf-ranks-well", "does not hold, was holds")
    ]
    assert not found.unchanged


def test_run_of_one_side_is_out_of_tolerance(make_tree: Tree) -> None:
    stored, new = make_tree("stored"), make_tree("new")
    file = new / "results" / "tiny" / "runs.json"
    file.write_text(file.read_text().replace('"tfidf":', '"new":'))
    found = compare_outputs(stored, new).metrics_out_of_tolerance
    assert [(m.run, m.stored is None, m.new is None) for m in found] == [
        ("tiny/new", True, False),
        ("tiny/tfidf", False, True),
    ]


def test_claims_py_that_fails_is_no_change(make_tree: Tree) -> None:
    stored, new = make_tree("stored"), make_tree("new")
    (stored / "report" / "claims.py").write_text("from wholescript import removed_function")
    assert compare_outputs(stored, new).claims == []


def test_measured_axis_is_compared_by_ratios(make_tree: Tree) -> None:
    axis = {"label": "time per step (s)"}
    stored = make_tree("stored", tfidf=[0.1, 0.2, 0.3, 0.4], stacking=[0.2, 0.4, 0.6, 0.8], **axis)
    slower = make_tree(
        "slower", tfidf=[1.1, 2, 3, 4.2], stacking=[2, 4, 6, 8], limits=(0.0, 9.0), **axis
    )
    other = make_tree("other", tfidf=[0.1, 0.2, 0.3, 2.0], stacking=[0.2, 0.4, 0.6, 0.8], **axis)
    assert messages(stored, slower) == []
    assert messages(stored, other) == [
        "fig-auc: axes 1, line 'tfidf', y at point 4: 2 was 0.4, 5 times as much; the others "
        "1 times"
    ]


def test_measured_column_is_compared_by_ratios(make_tree: Tree) -> None:
    def tree(name: str, seconds: list[float]) -> Path:
        return make_tree(name, table={"model": ["tfidf", "stacking"], "train_seconds": seconds})

    stored = tree("stored", [1.0, 10.0])
    assert messages(stored, tree("slower", [5.0, 40.0])) == []
    [message] = messages(stored, tree("other", [1.0, 1000.0]))
    assert message.startswith("tbl-auc: train_seconds at point ")


def test_measured_metric_is_within_any_tolerance() -> None:
    stored, new = Metric(1.0), Metric(9.0)
    measured = MetricComparison("g/n", "full_backprop:64:step_seconds", stored, new)
    assert measured.measured and measured.within_tolerance
    assert not MetricComparison("g/n", "auc", stored, new).within_tolerance


def test_tolerances_of_a_training() -> None:
    accuracy = Metric(0.9, 0.88, 0.92, 0.005)
    rest = {"train_accuracy": Metric(1.0), "parameters": Metric(1000.0)}
    of_svm = with_tolerances({"accuracy": accuracy, **rest})
    of_network = with_tolerances({"accuracy": accuracy, "seconds_per_epoch": Metric(2.5), **rest})
    assert [of_svm[k].tolerance for k in ("accuracy", *rest)] == [0.005, 0.005, 0.0]
    assert [of_network[k].tolerance for k in ("accuracy", *rest)] == pytest.approx([0.04, 0.04, 0])
