import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image, ImageChops

from wholescript.errors import RunError
from wholescript.experiments.workspace import activate
from wholescript.plots.style import DPI
from wholescript.project import PUBLISH_VARIABLE, Project
from wholescript.publish.cells import begin_notebook, duration, show_figure, show_table
from wholescript.publish.notebook import Notebook
from wholescript.publish.plot_data import plotted_data
from wholescript.publish.provenance.read import read_plots, read_records
from wholescript.publish.provenance.record import remove_outputs
from wholescript.publish.series import series_csv


@pytest.fixture
def notebook(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setenv(PUBLISH_VARIABLE, "1")
    with mpl.rc_context({"backend": "agg"}):
        yield begin_notebook("01_tiny", {"slope": 2.0}, project)


def test_plotted_data_has_lines_bars_points_areas_and_images() -> None:
    fig, (left, right) = plt.subplots(1, 2)
    left.plot([0, 1], [0.5, np.nan], color="#ff0000", label="model")
    left.bar(["a", "b"], [1, 2], color="#00ff00")
    left.scatter([1, 2], [3, 4], c=[0.1, 0.9], cmap="viridis")
    left.fill_between([0, 1], [0, 0], [1, 1])
    left.set(xlabel="x", ylabel="y", title="t", ylim=(0, 5))
    left.legend()
    right.imshow([[1, 2], [3, 4]], cmap="magma", vmin=0, vmax=5)
    right.text(0, 0, "note")
    one, two = json.loads(json.dumps(plotted_data(fig)))["axes"]
    assert one["lines"] == [
        {"label": "model", "x": [0.0, 1.0], "y": [0.5, None], "color": "#ff0000"}
    ]
    assert [box[3] for box in one["bars"][0]["x_y_width_height"]] == [1.0, 2.0]
    assert one["bars"][0]["colors"] == ["#00ff00"]
    assert one["points"][0]["x_y"] == [[1.0, 3.0], [2.0, 4.0]]
    assert one["points"][0]["values"] == [0.1, 0.9]
    assert one["points"][0]["colormap"] == "viridis"
    assert len(one["areas"]) == 1
    assert (one["x"]["label"], one["y"]["label"], one["title"]) == ("x", "y", "t")
    assert one["y"]["limits"] == [0.0, 5.0]
    assert one["x"]["ticks"] == ["a", "b"]
    assert one["legend"] == ["model"]
    assert two["images"][0]["values"] == [[1.0, 2.0], [3.0, 4.0]]
    assert two["images"][0]["color_limits"] == [0.0, 5.0]
    assert two["texts"] == ["note"]
    plt.close(fig)


def test_chosen_ticks_are_data_and_those_of_matplotlib_are_not() -> None:
    fig, axes = plt.subplots(1, 2, sharey=True)
    for part in axes:
        part.plot([0, 1])
    axes[0].set_yticks([0, 1], ["low", "high"])
    left, right = plotted_data(fig)["axes"]
    assert left["y"]["ticks"] == right["y"]["ticks"] == ["low", "high"]
    assert "ticks" not in left["x"]
    plt.close(fig)


def test_plotted_data_of_a_large_image_is_a_summary() -> None:
    fig, axes = plt.subplots()
    axes.imshow(np.arange(40_000.0).reshape(200, 200))
    values = plotted_data(fig)["axes"][0]["images"][0]["values"]
    assert values == {"shape": [200, 200], "min_mean_max": [0.0, 19999.5, 39999.0]}
    plt.close(fig)


def test_series_are_written_as_a_table() -> None:
    fig, (left, right) = plt.subplots(1, 2)
    left.plot([0, 1], [0.5, np.nan], label="a, b")
    left.scatter([1], [3], c=[0.1])
    left.fill_between([0, 1], [0, 0], [1, 1])
    right.bar(["a"], [1])
    right.imshow([[1, 2]])
    rows = series_csv(plotted_data(fig)).splitlines()
    plt.close(fig)
    assert rows[0] == "panel,kind,series,x,y,value,width,height"
    assert rows[1:4] == [
        '1,lines,"a, b",0.0,0.5,,,',
        '1,lines,"a, b",1.0,,,,',
        "1,points,1,1.0,3.0,0.1,,",
    ]
    assert "2,bars,1,-0.4,0.0,,0.8,1.0" in rows and "2,images,1,1,0,2.0,," in rows
    assert series_csv({"axes": []}) == "panel,kind,series,x,y\n"


def _draw() -> plt.Figure:
    fig, axes = plt.subplots()
    axes.plot([0, 1, 2], label="line")
    return fig


def _files(notebook: Notebook) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in notebook.figures.iterdir()}


def test_figure_is_written_with_data_and_provenance_and_is_byte_stable(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_figure(_draw(), "fig-line")
    first = _files(notebook)
    assert sorted(first) == ["fig-line.dark.png", "fig-line.svg", "plots.json", "provenance.json"]
    (record,) = read_records(notebook.figures.parent).values()
    assert (record["cell"], record["notebook"]) == ("01_tiny-fig-line", "01_tiny")
    assert record["parameters"]["slope"] == 2.0
    assert record["published"] is True
    assert record["command"] == "wholescript notebook run 01_tiny"
    assert record["versions"]["matplotlib"] == mpl.__version__
    assert not plt.get_fignums()

    # Another execution, later, by other code at another commit: no byte changes.
    again = replace(notebook, changed=False, started=notebook.started - 100)
    vars(again)["code"] = "other"
    monkeypatch.setattr("wholescript.publish.provenance.record.commit_of", lambda _: "other")
    activate(again)
    show_figure(_draw(), "fig-line")
    assert _files(notebook) == first

    # Another figure: the provenance says which code made it.
    figure = _draw()
    figure.axes[0].set_title("other")
    show_figure(figure, "fig-line")
    (record,) = read_records(notebook.figures.parent).values()
    assert (record["code"], record["commit"]) == ("other", "other")


def test_runs_read_before_a_figure_are_in_its_record(notebook: Notebook) -> None:
    notebook.used["g/one"] = "1" * 64
    show_figure(_draw(), "fig-one")
    notebook.used["a/two"] = "2" * 64
    show_figure(_draw(), "fig-two")
    records = read_records(notebook.figures.parent)
    assert records["fig-one"]["runs"] == {"g/one": "1" * 12}
    assert list(records["fig-two"]["runs"]) == ["g/one", "a/two"]


def test_outputs_that_a_notebook_no_longer_makes_are_removed(notebook: Notebook) -> None:
    for label in ("fig-new", "fig-old"):
        show_figure(_draw(), label)
    remove_outputs(notebook.figures, {"fig-new"})
    assert list(read_plots(notebook.figures)) == ["fig-new"]
    assert not [name for name in _files(notebook) if "old" in name]


def test_quantized_png_is_close_to_the_original(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure, axes = plt.subplots()
    axes.imshow(np.linspace(0, 1, 10_000).reshape(100, 100), cmap="viridis")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("wholescript.publish.figures.display", lambda data, **_: shown.append(data))
    show_figure(figure, "fig-shades")
    png = io.BytesIO(base64.b64decode(shown[0]["image/png"]))
    with Image.open(drawn) as original, Image.open(png) as quantized:
        assert quantized.mode == "P"
        assert quantized.info["dpi"] == original.info["dpi"]
        difference = ImageChops.difference(original.convert("RGB"), quantized.convert("RGB"))
        assert max(high for _, high in difference.getextrema()) < 16
        assert len(original.convert("RGB").getcolors(1 << 24)) > 256


def test_table_shows_clean_html_and_stores_full_values(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("wholescript.publish.figures.display", lambda data, **_: shown.append(data))
    table = pd.DataFrame(
        {"films": [1364, 2], "auc": [0.75432109, np.nan], "title": ["<b>x</b>", "y"]},
        index=pd.Index(["a", "b"], name="model"),
    )
    show_table(table, "tbl-auc", {"films": ","})
    html = shown[0]["text/html"]
    for cell in ("<th>model</th>", "<td>1,364</td>", "<td>0.754</td>", "<td>–</td>"):  # noqa: RUF001
        assert cell in html
    assert "&lt;b&gt;" in html
    assert "style" not in html and "class" not in html and "border" not in html
    csv = (notebook.figures / "tbl-auc.csv").read_text()
    assert csv.splitlines()[:2] == ["model,films,auc,title", "a,1364,0.754321,<b>x</b>"]


@pytest.mark.usefixtures("notebook")
def test_table_shows_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("wholescript.publish.figures.display", lambda data, **_: shown.append(data))
    words = ['x style="text-align: right;"', 'x class="dataframe"', "$5 or $6", "a\x1b[1m", "**b**"]
    show_table(pd.DataFrame({"a_b": words, "a b": words}), "tbl-words")
    page = BeautifulSoup(shown[0]["text/html"], "html.parser")
    assert [cell.get_text() for cell in page.find_all("th")] == ["a b", "a b"]
    as_shown = [word.replace("\x1b", r"\x1b") for word in words]
    assert [row.find_all("td")[1].get_text() for row in page.find_all("tr")[1:]] == as_shown
    assert "mathjax_ignore" in page.table["class"]  # JupyterLab leaves the dollars alone


@pytest.mark.usefixtures("notebook")
def test_table_of_intervals_zeros_and_durations(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("wholescript.publish.figures.display", lambda data, **_: shown.append(data))
    table = pd.DataFrame(
        {
            "error": [0.0312, 0.5],
            "low": [0.0308, 0.4],
            "high": [0.04, 0.6],
            "change": [-0.00001, -0.002],
            "deviation": [0.0, 2e-7],
            "train_seconds": [12.0, 7_200.0],
        }
    )
    show_table(table, "tbl-costs", {"train_seconds": duration, "deviation": ".1e"})
    page = BeautifulSoup(shown[0]["text/html"], "html.parser")
    cells = [
        [cell.get_text() for cell in row.find_all(["th", "td"])] for row in page.find_all("tr")
    ]
    assert cells == [
        ["error", "low", "high", "change", "deviation", "train time"],
        ["0.0312", "0.0308", "0.0400", "0.000", "exactly equal", "12\N{NO-BREAK SPACE}s"],
        ["0.500", "0.400", "0.600", "-0.002", "2.0e-07", "2\N{NO-BREAK SPACE}h"],
    ]


def test_invalid_labels_and_formats_are_errors(notebook: Notebook) -> None:
    with pytest.raises(RunError, match="'line' must be lower case"):
        show_figure(_draw(), "line")
    with pytest.raises(RunError, match=r"unknown columns: \['aux'\]"):
        show_table(pd.DataFrame({"auc": [1.0]}), "tbl-x", {"aux": ".1f"})
    plt.close("all")


def test_changed_parameters_are_shown_as_they_are(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        "wholescript.publish.notebook.display", lambda markdown: shown.append(markdown.data)
    )
    begin_notebook("01_tiny", {"title": "**a** `b` $c$ <i>"}, project)
    assert shown[0].startswith("**Executed with `` title='**a** `b` $c$ <i>' ``.**")
