from typing import Any

import pytest

from wholescript.errors import ParameterError
from wholescript.project import Project
from wholescript.publish.parameters import Parameter, check_parameters, read_parameters


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
        ("seed", "x", "'seed' takes int, not 'x'"),
        ("seed", 1.5, "takes int"),
        ("seed", True, "takes int"),
        ("seed", "", "takes int"),
        ("slope", "steep", "takes float"),
        ("title", 3, "takes str"),
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
    [((1, 2), "(3, 4)", (3, 4)), ((1, 2), "[3, 4]", (3, 4)), ({"a": 1}, "{'b': 1}", {"b": 1})],
)
def test_what_the_message_proposes_is_accepted(default: Any, text: str, expected: Any) -> None:
    assert Parameter("pair", default, "").convert(text) == expected
