import ast
import json
import os
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import ParameterError
from wholescript.project import Project
from wholescript.publish.cells import Metric, begin_notebook, record_metrics
from wholescript.publish.execution import _PythonLiterals
from wholescript.publish.parameters import (
    Parameter,
    as_argument,
    check_parameters,
    read_parameters,
)


def test_parameters_are_read_from_the_tagged_cell(project: Project) -> None:
    found = read_parameters(project, "01_tiny")
    assert [p.name for p in found.values()] == ["scale", "seed", "slope", "title", "rows"]
    assert found["scale"].choices == ["smoke", "cpu", "full"]
    assert found["seed"].comment == "random seed"
    assert found["seed"].choices == []


def test_unknown_name_suggests_similar_ones(project: Project) -> None:
    with pytest.raises(ParameterError, match="'sead'; did you mean 'seed'"):
        check_parameters(project, "01_tiny", {"sead": 7})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("seed", "7", 7),
        ("slope", "3", 3.0),
        ("slope", 3, 3.0),
        ("title", "7", "7"),
        ("rows", "none", None),
        ("rows", "100", "100"),
        ("scale", "smoke", "smoke"),
    ],
)
def test_values_are_converted_to_the_type_of_the_default(
    project: Project, name: str, value: Any, expected: Any
) -> None:
    assert check_parameters(project, "01_tiny", {name: value}) == {name: expected}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", "x", "'seed' takes a whole number, not 'x'"),
        ("seed", 1.5, "takes a whole number"),
        ("seed", True, "takes a whole number"),
        ("seed", "", "takes a whole number"),
        ("slope", "steep", "takes a number"),
        ("title", 3, "takes a text"),
        ("scale", "ful", "did you mean 'full'"),
    ],
)
def test_invalid_value_is_an_error(project: Project, name: str, value: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_parameters(project, "01_tiny", {name: value})


def test_computed_default_is_an_error(project: Project) -> None:
    source = project.notebook_source("01_tiny")
    source.write_text(source.read_text().replace("seed = 0", "seed = int(0)"))
    with pytest.raises(ParameterError, match=r"line 2 .* 'name = constant'"):
        read_parameters(project, "01_tiny")


@pytest.mark.parametrize("name", ["01", "01_tiny", "notebooks/01_tiny.ipynb"])
def test_notebook_is_found_by_number_name_and_path(project: Project, name: str) -> None:
    assert project.notebook_source(name).name == "01_tiny.py"


def test_unknown_notebook_lists_all(project: Project) -> None:
    with pytest.raises(ParameterError, match="'02_none'; there are: 01_tiny"):
        project.notebook_source("02_none")


@pytest.mark.parametrize(
    ("default", "text", "expected"),
    [
        ((1, 2), "(3, 4)", (3, 4)),
        ((1, 2), "[3, 4]", (3, 4)),
        ((1, 2), "[]", ()),
        ([1, 2], "(3,)", [3]),
        ((0.5, 1.0), "[1, 2, 3]", (1.0, 2.0, 3.0)),
        ([("a", 1)], '[["b", 2], ["c", 3]]', [("b", 2), ("c", 3)]),
        ({"a": 1}, "{'b': 1}", {"b": 1}),
        ({"a": (1, 2)}, '{"a": [3, 4]}', {"a": (3, 4)}),
        ("", "", ""),
        (None, "", ""),
        (None, "-x", "-x"),
    ],
)
def test_text_of_the_command_line_is_converted(default: Any, text: str, expected: Any) -> None:
    assert repr(Parameter("pair", default, "").convert(text)) == repr(expected)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(JSON)
def test_a_value_comes_back_from_json_from_a_cell_and_from_the_shown_command(value: Any) -> None:
    parameter = Parameter("x", value, "")
    (typed,) = shlex.split(shlex.quote(as_argument(value)))
    code = ast.parse(_PythonLiterals.codify({"x": value})).body[0]
    for back in (typed, json.loads(json.dumps(value)), ast.literal_eval(code.value)):
        assert repr(parameter.convert(back)) == repr(value)


@pytest.mark.parametrize("default", ["a film", 0, 2.5, True, None, (1, 2), [], {"a": "it's"}])
def test_what_a_message_proposes_is_accepted(default: Any) -> None:
    parameter = Parameter("x", default, "")
    refused = [] if isinstance(default, str | None) else "{1: [2"
    with pytest.raises(ParameterError) as error:
        parameter.convert(refused)
    *_, option, name, value = shlex.split(str(error.value).partition("for example ")[2])
    assert (option, name, parameter.convert(value)) == ("-p", "x", default)


@pytest.mark.parametrize(
    ("default", "value"),
    [
        ((1, 2), '["a", "b"]'),
        ({"a": 1}, '{"a": "x"}'),
        ({"a": 1}, "{1: 2}"),
        ([], "{1, 2}"),
        ([], "[b'x']"),
        ([0.5], "[NaN]"),
        (0.5, "inf"),
        (0.5, "1e999"),
        ([], "[" * 100_000),
        (7, "9" * 5_000),
    ],
)
def test_what_cannot_be_stored_as_declared_is_refused(default: Any, value: str) -> None:
    with pytest.raises(ParameterError, match="'x' takes") as error:
        Parameter("x", default, "").convert(value)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize(
    ("default", "value", "kind"),
    [
        ((8, 9), '("c d", 1.5)', "a tuple of whole numbers"),
        ([0.5], "['low']", "a list of numbers"),
        (("a", 3), "('a', 'b')", "a tuple of a text and a whole number"),
        ([(1, 2), (3, 4)], "[5, 6]", "a list of tuples of whole numbers"),
        ([], "7", "a list"),
        ({"a": 1}, "{'a': 'x'}", "a dict with 'a': a whole number"),
    ],
)
def test_message_names_the_type_of_the_elements(default: Any, value: str, kind: str) -> None:
    with pytest.raises(ParameterError, match=f"'x' takes {kind}, not"):
        Parameter("x", default, "").convert(value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ParameterError, match="no text in UTF-8"):
        Parameter("path", "", "").convert(os.fsdecode(b"caf\xe9.csv"))


@pytest.mark.parametrize(("name", "value"), [("n_parts", 0), ("chunk_length", "1"), ("seed", -1)])
def test_sizes_have_the_ranges_of_settings(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=f"{name}={value} must be a whole number, at least"):
        Parameter(name, 20, "").convert(value)


@pytest.mark.parametrize("default", ["{1: 2}", "{1, 2}", "b'x'", "1 + 2j"])
def test_default_that_cannot_be_stored_is_an_error(project: Project, default: str) -> None:
    source = project.notebook_source("01_tiny")
    source.write_text(source.read_text().replace("seed = 0", f"seed = {default}"))
    with pytest.raises(ParameterError, match=r"line 2 .* 'name = constant'"):
        read_parameters(project, "01_tiny")


def test_a_tuple_that_is_stored_as_a_list_is_no_change(project: Project) -> None:
    source = project.notebook_source("01_tiny")
    source.write_text(source.read_text().replace("rows = None", "rows = (1, 2)"))
    notebook = begin_notebook("01_tiny", {}, project)
    run = record_metrics("tiny/line", {"height": Metric(2.0)})
    file = notebook.output / "results" / "tiny" / "runs.json"
    before = file.stat().st_mtime_ns
    assert notebook.parameters["rows"] == (1, 2)
    assert notebook.record_use(run).config["parameters"]["rows"] == [1, 2]
    assert file.stat().st_mtime_ns == before
