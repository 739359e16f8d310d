import os
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from wholescript.publish.normalize import cell_label, normalize_notebook, read_source


def _stream(name: str, text: str) -> Any:
    return new_output("stream", name=name, text=text)


def test_execution_specific_content_is_removed() -> None:
    widget = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "text/plain": "progress",
    }
    cell = new_code_cell(
        "1",
        metadata={"papermill": {"duration": 1}, "execution": {"a": "1"}, "tags": ["a"]},
        outputs=[
            _stream("stdout", "a\n"),
            _stream("stderr", "a warning\n"),
            new_output("display_data", widget),
            _stream("stdout", "b\n"),
        ],
    )
    notebook = normalize_notebook(new_notebook(cells=[cell], metadata={"papermill": {}}), "01_x")
    assert notebook.cells[0].metadata == {"tags": ["a"]}
    assert [output.text for output in notebook.cells[0].outputs] == ["a\nb\n"]
    assert "papermill" not in notebook.metadata


def test_cell_ids_are_made_of_notebook_label_tag_and_source() -> None:
    cells = [
        new_code_cell("#| label: fig-a\n1"),
        new_code_cell("seed = 1", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("1", metadata={"label": "tbl-b"}),
        new_markdown_cell("same"),
        new_markdown_cell("same"),
    ]
    ids = [cell.id for cell in normalize_notebook(new_notebook(cells=cells), "01_x").cells]
    assert ids[:3] == ["01_x-fig-a", "01_x-injected-parameters", "01_x-tbl-b"]
    assert ids[3].startswith("01_x-cell-") and ids[4] == f"{ids[3]}-2"


def test_inserted_cell_changes_no_other_id() -> None:
    one, two = new_markdown_cell("one"), new_markdown_cell("two")
    before = normalize_notebook(new_notebook(cells=[one, two]), "01_x").cells[1].id
    cells = [one, new_markdown_cell("between"), two]
    assert normalize_notebook(new_notebook(cells=cells), "01_x").cells[2].id == before


def test_markdown_cell_has_no_label() -> None:
    assert cell_label(new_markdown_cell("#| label: fig-a")) is None


def test_source_is_read_again_after_a_change_and_no_caller_changes_it_for_others(
    tmp_path: Path,
) -> None:
    path = tmp_path / "01_x.py"
    path.write_text("# %%\n1\n")
    read_source(path).cells.clear()
    assert [cell.source for cell in read_source(path).cells] == ["1"]
    path.write_text("# %%\n2\n")
    os.utime(path, ns=(0, 0))
    assert [cell.source for cell in read_source(path).cells] == ["2"]
