"""Verification of saved figures and tables on a small project."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from wholescript.errors import RunError
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.publish.provenance.embedded import content_hash, embed_provenance
from wholescript.publish.provenance.embedded import read_embedded_provenance as read_embedded
from wholescript.publish.provenance.read import read_plots, read_records
from wholescript.publish.provenance.verify import verify_file
from wholescript.publish.series import series_csv

Save = Callable[[str], Path]


@pytest.fixture
def save(executed: Project, tmp_path: Path) -> Save:
    """Save a figure or table as the page offers it."""

    def saved(name: str) -> Path:
        path = tmp_path / f"my {name}"
        if name == "fig-line.csv":
            path.write_text(series_csv(read_plots(executed.root / "figures/01_tiny")["fig-line"]))
        elif name == "fig-line.png":
            notebook = nbformat.read(executed.notebooks / "01_tiny.ipynb", as_version=4)
            shown = [o for cell in notebook.cells for o in cell.get("outputs", [])]
            images = [o.data["image/png"] for o in shown if "image/png" in o.get("data", {})]
            path.write_bytes(base64.b64decode(images[0]))
        else:
            shutil.copy(executed.root / "figures" / "01_tiny" / name, path)
        return path

    return saved


NAMES = ["fig-line.png", "fig-line.svg", "fig-line.dark.png", "fig-line.csv", "tbl-heights.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_saved_figure_or_table_matches_the_checkout(
    executed: Project, save: Save, name: str
) -> None:
    found = verify_file(executed, save(name))
    assert found.matches
    assert found.subject.endswith("of 01_tiny, wholescript notebook run 01_tiny")


@pytest.mark.parametrize("name", ["fig-line.png", "fig-line", "tbl-heights.csv"])
def test_name_or_label_selects_the_stored_figure(executed: Project, name: str) -> None:
    assert verify_file(executed, Path(name)).matches
    (executed.root / "figures/01_tiny" / f"{Path(name).stem}.csv").write_text("1")
    (executed.root / "figures/01_tiny" / f"{Path(name).stem}.svg").write_text("<svg/>")
    assert "was changed after" in "".join(verify_file(executed, Path(name)).differences)


def test_unknown_name_suggests_similar_labels(executed: Project) -> None:
    with pytest.raises(RunError, match=r"there is no file fig-lime\.png.*did you mean 'fig-line'"):
        verify_file(executed, Path("fig-lime.png"))


@pytest.mark.parametrize("name", ["fig-line.csv", "tbl-heights.csv"])
def test_edited_table_is_not_recognised(executed: Project, save: Save, name: str) -> None:
    saved = save(name)
    saved.write_text(saved.read_text() + "\n")
    with pytest.raises(RunError, match="no figure or table of this checkout has its content"):
        verify_file(executed, saved)


def test_edited_image_is_reported(executed: Project, save: Save) -> None:
    saved = save("fig-line.svg")
    saved.write_text(saved.read_text().replace("#0173b2", "#ff0000"))
    assert verify_file(executed, saved).differences == [
        "my fig-line.svg was edited after the notebook wrote it"
    ]


def test_differences_from_the_checkout_are_named(executed: Project, save: Save) -> None:
    path = executed.root / "figures/01_tiny/provenance.json"
    provenance = json.loads(path.read_text())
    provenance["parameters"]["slope"] = 3.0
    provenance["runs"] = {"g/one": "1"}
    provenance["outputs"]["fig-line"]["runs"] = 1
    path.write_text(json.dumps(provenance))
    assert verify_file(executed, save("fig-line.png")).differences == [
        "parameter slope was 2.0, is 3.0",
        "run g/one is new",
    ]


def test_other_content_is_reported(executed: Project, save: Save) -> None:
    saved = save("fig-line.svg")
    content = saved.read_bytes().replace(b"#0173b2", b"#ff0000")
    record = read_embedded(saved) | {"content": content_hash(content, ".svg")}
    saved.write_bytes(embed_provenance(content, ".svg", record))
    assert verify_file(executed, saved).differences == [
        "fig-line of this checkout has another content"
    ]


def test_removed_notebook_is_reported(executed: Project, save: Save) -> None:
    saved = save("fig-line.png")
    (executed.notebooks / "01_tiny.py").unlink()
    assert verify_file(executed, saved).differences == ["notebook 01_tiny was removed"]


@pytest.mark.parametrize(("rows", "matches"), [(None, True), ("other", False)])
def test_figure_of_a_smoke_run_is_compared_with_the_same_sample(
    tmp_path: Path, rows: str | None, matches: bool
) -> None:
    from wholescript.studies.screenplays.data import load_films

    project = Project(ROOT)
    record = next(r for r in read_records(ROOT / "figures").values() if r["data"])
    parameters = record["parameters"] | {"scale": "smoke", "seed": 3}
    wanted = {k: parameters[k] for k in ("source", "path", "target", "scale", "seed")}
    data = load_films(**wanted).provenance.as_dict()
    stored = record["folder"] / f"{record['label']}.svg"
    about = read_embedded(stored) | {"published": False, "parameters": parameters}
    about["data"] = data | ({"fingerprint": rows} if rows else {})
    saved = tmp_path / "smoke.svg"
    saved.write_bytes(embed_provenance(stored.read_bytes(), ".svg", about))
    assert verify_file(project, saved).matches is matches
