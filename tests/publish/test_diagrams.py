"""The diagrams of the pages: what the code draws, and that the committed files are that."""

import re
from collections import Counter

import pytest

from wholescript.errors import RunError
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.publish.diagrams.drawing import WIDTH, Drawing
from wholescript.publish.diagrams.memory_strategies import (
    Step,
    record_steps,
    stored_groups,
    timed,
)
from wholescript.publish.diagrams.write import DIAGRAMS, FOLDER, write_diagrams
from wholescript.publish.source_lines import find_source


@pytest.mark.parametrize("name", DIAGRAMS)
def test_committed_diagram_is_what_the_code_draws(name: str) -> None:
    committed = (ROOT / FOLDER / f"{name}.svg").read_text("utf-8")
    assert committed == DIAGRAMS[name](), "run `wholescript site diagrams`"


@pytest.mark.parametrize("name", DIAGRAMS)
def test_parts_name_their_source(name: str) -> None:
    svg = (ROOT / FOLDER / f"{name}.svg").read_text("utf-8")
    references = re.findall(r'data-source="([^"]+)"', svg)
    assert len(references) >= 4
    for reference in references:
        assert find_source(reference, ROOT / "src").line > 1


def test_only_changed_diagrams_are_written(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DIAGRAMS, "folds", lambda: "<svg/>")
    for name in DIAGRAMS:
        monkeypatch.setitem(DIAGRAMS, name, lambda: "<svg/>")
    project = Project(tmp_path)
    paths = [tmp_path / FOLDER / f"{name}.svg" for name in DIAGRAMS]
    assert write_diagrams(project) == paths
    paths[0].write_text("edited")
    assert write_diagrams(project) == paths[:1]


def passes(kind: str, *groups: int) -> list[Step]:
    return [Step(kind, group) for group in groups]  # type: ignore[arg-type]


AGGREGATE = Step("aggregate", -1)


def test_full_backpropagation_encodes_each_group_once_and_stores_all() -> None:
    steps = record_steps("full_backprop", 3, 1)
    assert steps[:4] == [*passes("forward", 0, 1, 2), AGGREGATE]
    assert Counter(steps[4:]) == Counter(passes("backward", 0, 1, 2))
    assert max(n for _, n in stored_groups(timed(steps))) == 3


def test_checkpointing_encodes_each_group_again_right_before_its_backward_pass() -> None:
    steps = record_steps("checkpointing", 3, 1)
    assert steps[:4] == [*passes("forward", 0, 1, 2), AGGREGATE]
    again = list(zip(steps[4::2], steps[5::2], strict=True))
    assert [(one.kind, two.kind) for one, two in again] == [("forward", "backward")] * 3
    assert all(one.group == two.group for one, two in again)
    assert max(n for _, n in stored_groups(timed(steps))) == 1


def test_gradient_caching_stores_the_last_groups_and_encodes_the_others_twice() -> None:
    steps = record_steps("grad_cache", 4, 2)
    assert steps[:5] == [*passes("forward", 0, 1, 2, 3), AGGREGATE]
    assert Counter(steps[5:7]) == Counter(passes("backward", 2, 3))
    rest = [Step("forward", 0), Step("backward", 0), Step("forward", 1), Step("backward", 1)]
    assert steps[7:] == rest
    assert max(n for _, n in stored_groups(timed(steps))) == 2


def test_activations_are_stored_until_their_backward_pass_has_ended() -> None:
    first, second, _, last, _ = timed(
        [*passes("forward", 0, 1), AGGREGATE, *passes("backward", 1, 0)]
    )
    assert (first.start, first.end, first.stored_until) == (0, 1, 8)
    assert second.stored_until == last.end == 6
    assert last.stored_until is None


@pytest.mark.parametrize(
    "draw",
    [
        lambda drawing: drawing.box(0, 0, 60, 40, "A name that is too long"),
        lambda drawing: drawing.box(0, 0, 200, 20, "Name", ["note", "note"]),
        lambda drawing: drawing.text(WIDTH - 20, 10, "too long", anchor="start"),
        lambda drawing: drawing.text(WIDTH - 20, 10, "too long"),
    ],
)
def test_text_that_does_not_fit_is_an_error(draw) -> None:
    with pytest.raises(RunError, match=r"needs a (?:width|height) of \d+, not \d+"):
        draw(Drawing(100, "a:b"))
