import io
import json
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageChops

from wholescript.errors import RunError
from wholescript.plots.style import DPI
from wholescript.project import Project
from wholescript.publish.cells import begin_notebook, show_figure, show_table
from wholescript.publish.notebook import Notebook
from wholescript.publish.plot_data import plotted_data


@pytest.fixture
def notebook(project: Project) -> Iterator[Notebook]:
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


def test_plotted_data_has_the_tick_labels_of_shared_axes() -> None:
    fig, axes = plt.subplots(1, 2, sharey=True)
    for part in axes:
        part.plot([0, 1])
    left, right = plotted_data(fig)["axes"]
    assert left["y"]["ticks"] == right["y"]["ticks"]
    plt.close(fig)


def test_plotted_data_of_a_large_image_is_a_summary() -> None:
    fig, axes = plt.subplots()
    axes.imshow(np.arange(40_000.0).reshape(200, 200))
    values = plotted_data(fig)["axes"][0]["images"][0]["values"]
    assert values == {"shape": [200, 200], "min_mean_max": [0.0, 19999.5, 39999.0]}
    plt.close(fig)


def _draw() -> plt.Figure:
    fig, axes = plt.subplots()
    axes.plot([0, 1, 2], label="line")
    return fig


def test_figure_is_written_with_data_and_provenance_and_is_byte_stable(
    notebook: Notebook,
) -> None:
    show_figure(_draw(), "fig-line")
    first = {path.name: path.read_bytes() for path in notebook.figures.iterdir()}
    notebook.started -= 100
    show_figure(_draw(), "fig-line")
    assert first == {path.name: path.read_bytes() for path in notebook.figures.iterdir()}
    assert sorted(first) == [
        "fig-line.csv",
        "fig-line.dark.png",
        "fig-line.json",
        "fig-line.png",
        "fig-line.provenance.json",
        "fig-line.svg",
    ]
    provenance = json.loads(first["fig-line.provenance.json"])
    assert provenance["cell"] == "01_tiny-fig-line"
    assert provenance["parameters"]["slope"] == 2.0
    assert provenance["published"] is True
    assert provenance["command"] == "wholescript run 01_tiny"
    assert provenance["versions"]["matplotlib"] == mpl.__version__
    assert not plt.get_fignums()


def test_quantized_png_is_close_to_the_original(notebook: Notebook) -> None:
    figure, axes = plt.subplots()
    axes.imshow(np.linspace(0, 1, 10_000).reshape(100, 100), cmap="viridis")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    show_figure(figure, "fig-shades")
    with (
        Image.open(drawn) as original,
        Image.open(notebook.figures / "fig-shades.png") as quantized,
    ):
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


def test_invalid_labels_and_formats_are_errors(notebook: Notebook) -> None:
    with pytest.raises(RunError, match="'line' must be lower case"):
        show_figure(_draw(), "line")
    with pytest.raises(RunError, match=r"unknown columns: \['aux'\]"):
        show_table(pd.DataFrame({"auc": [1.0]}), "tbl-x", {"aux": ".1f"})
    plt.close("all")
