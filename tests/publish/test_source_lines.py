from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.publish.source_lines import find_source, linked_modules

MODULE = '''"""A module."""

SIZE: int = 3
names = ("a",)


@decorated
def build():
    def inside(): ...


class Model:
    width = 2

    async def run(self): ...
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text(MODULE)
    return tmp_path


@pytest.mark.parametrize("name", ["SIZE", "names", "build", "Model", "Model.width", "Model.run"])
def test_line_defines_the_name(folder: Path, name: str) -> None:
    found = find_source(f"package.module:{name}", folder)
    line = MODULE.splitlines()[found.line - 1]
    assert name.rpartition(".")[2] in line
    assert (found.module, found.name) == ("package.module", name)


def test_edited_module_is_read_again(folder: Path) -> None:
    before = find_source("package.module:Model", folder).line
    path = folder / "package" / "module.py"
    path.write_text("import os\n" + MODULE)
    assert find_source("package.module:Model", folder).line == before + 1


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("package.module", "not of the form module:name"),
        ("package.absent:Model", "no module 'package.absent'"),
        ("package.module:Modle", "did you mean 'Model'"),
        ("package.module:inside", "defines no 'inside'"),
    ],
)
def test_unknown_source_is_an_error(folder: Path, reference: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        find_source(reference, folder)


def test_modules_of_a_diagram_are_found() -> None:
    svg = '<g data-source="a.b:C.d"/><g data-source="a.b:E"/><g data-source="f:g"/>'
    assert linked_modules(svg) == {"a.b", "f"}
