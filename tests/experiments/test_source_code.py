from pathlib import Path

import pytest

from wholescript.experiments.source_code import code_fingerprint, hash_json, import_closure


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = {
        "__init__.py": '__version__ = "1"\n',
        "models/__init__.py": '"""Models."""\n',
        "models/tfidf.py": "from wholescript.data import folds\n\n\ndef f():\n    return 1\n",
        "models/other.py": "import numpy\n",
        "data/__init__.py": "",
        "data/folds.py": "import wholescript.files\n",
        "files.py": "ROOT = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / "wholescript" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_closure_has_indirect_imports_and_package_inits(source: Path) -> None:
    closure = import_closure(["wholescript.models.tfidf"], source)
    assert [p.relative_to(source / "wholescript").as_posix() for p in closure] == [
        "data/__init__.py",
        "data/folds.py",
        "files.py",
        "models/__init__.py",
        "models/tfidf.py",
    ]


def test_closure_of_a_script_excludes_the_script(source: Path) -> None:
    script = source / "notebook.py"
    script.write_text("from wholescript.files import ROOT\n")
    assert import_closure([script], source) == [source / "wholescript" / "files.py"]


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        (
            "models/tfidf.py",
            "from wholescript.data import folds\n\n\ndef f():\n    return 2\n",
            True,
        ),
        (
            "models/tfidf.py",
            '"""TF-IDF."""\nfrom wholescript.data import folds\n\n\ndef f():\n'
            '    """One."""\n    # A comment.\n    return 1\n',
            False,
        ),
        ("data/folds.py", "import wholescript.files\nK = 5\n", True),
        ("models/other.py", "import scipy\n", False),
        ("__init__.py", '__version__ = "2"\n', False),
    ],
)
def test_fingerprint_depends_on_imported_code_only(
    source: Path, file: str, text: str, changes: bool
) -> None:
    before = code_fingerprint(["wholescript.models.tfidf"], source)
    (source / "wholescript" / file).write_text(text)
    assert (code_fingerprint(["wholescript.models.tfidf"], source) != before) is changes


def test_hash_json_ignores_the_order_of_keys() -> None:
    assert hash_json({"a": 1, "b": [2]}) == hash_json({"b": [2], "a": 1})
    assert hash_json({"a": 1}) != hash_json({"a": 2})
