"""The role that binds numbers in prose to stored results."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "theme" / "plugins" / "result.py"
METRICS = {
    "auc": {"value": 0.7512, "low": 0.7104, "high": 0.7911, "tolerance": 0.02},
    "auc_vs_tfidf": {"value": -0.0121, "low": -0.0304, "high": 0.0062},
    "temporal": {"auc": {"value": 0.702, "low": 0.65, "high": 0.751}},
    "random.auc": {"value": 0.76},
    "films": {"value": 1364},
    "seconds": 12.25,
}


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("result_plugin", PLUGIN)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("tfidf", "gated_attention"):
        (tmp_path / "training" / name).mkdir(parents=True)
        (tmp_path / "training" / name / "metrics.json").write_text(json.dumps(METRICS))
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("auc", "0.751"),
        ("auc|.2f", "0.75"),
        ("auc|.1%", "75.1%"),
        ("auc|interval", "0.751 (0.71 to 0.79)"),
        ("auc|interval|.1%", "75.1% (71.0% to 79.1%)"),
        ("auc|low|.2f", "0.71"),
        ("auc_vs_tfidf", "−0.012"),  # noqa: RUF001
        ("auc_vs_tfidf|interval", "−0.012 (−0.030 to +0.006)"),  # noqa: RUF001
        ("temporal.auc|interval", "0.702 (0.65 to 0.75)"),
        ("random.auc", "0.760"),
        ("films", "1,364"),
        ("seconds|.0f", "12"),
    ],
)
def test_formats(plugin: ModuleType, results: Path, asked: str, shown: str) -> None:
    assert plugin.show(f"training/tfidf:{asked}", results) == shown


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("training/tfid:auc", "did you mean 'training/tfidf'"),
        ("tfidf:auc", "no run 'tfidf'"),
        ("training/tfidf:auk", "no metric 'auk'; did you mean 'auc'"),
        ("training/tfidf:tolerance", "no metric 'tolerance'"),
        ("training/tfidf", "not of the form run:metric"),
        ("training/tfidf:auc|.3q", "Unknown format code 'q'"),
        ("training/tfidf:auc|.3f|.2f", "one format at most"),
        ("training/tfidf:films|interval", "stored without 'low'"),
    ],
)
def test_mistakes(plugin: ModuleType, results: Path, asked: str, message: str) -> None:
    with pytest.raises(plugin.ResultError) as error:
        plugin.show(asked, results)
    assert message in str(error.value)


def test_answers_in_mystmds_protocol() -> None:
    asked = json.dumps({"name": "result", "body": "no/such:auc"})
    command = [str(PLUGIN), "--role", "result"]
    answer = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "no run 'no/such'" in answer.stderr
    specification = json.loads(
        subprocess.run([str(PLUGIN)], capture_output=True, check=True).stdout
    )
    assert [role["name"] for role in specification["roles"]] == ["result"]


def test_alt_text_moves_to_the_figure(plugin: ModuleType) -> None:
    image = {"type": "image", "url": "#fig-a", "alt": "Three bars."}
    tree = {"type": "root", "children": [{"type": "container", "children": [image]}]}
    assert plugin.keep_alt(tree)["children"][0]["data"] == {"alt": "Three bars."}
