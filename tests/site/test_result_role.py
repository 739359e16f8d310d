"""The roles that insert stored results into pages."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from wholescript.errors import RunError
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric, Results
from wholescript.experiments.store import RunStore

PLUGIN = Path(__file__).resolve().parents[2] / "theme" / "plugins" / "results.py"
METRICS = {
    "auc": {"value": 0.7512, "low": 0.7104, "high": 0.7911, "tolerance": 0.02},
    "films": {"value": 1364},
    "seconds": {"value": 12.25},
    "change": {"value": -0.0366, "low": -0.0697, "high": -0.0046},
    "none": {"value": -0.0, "low": -0.0004, "high": 0.0},
    "hardly": {"value": -0.0004},
    "narrow": {"value": 0.93123, "low": 0.93102, "high": 0.9352},
    "minutes": {"value": 1711.0},
}
DIFFERENCES = {
    "training/gated - training/tfidf:auc": {"value": -0.0121, "low": -0.0304, "high": 0.0062},
    "training/same - training/tfidf:auc": {"value": 0.0, "low": 0.0, "high": 0.0},
}


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("results_plugin", PLUGIN)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(tmp_path: Path) -> Results:
    for name, metrics in {"tfidf": METRICS, "differences": DIFFERENCES}.items():
        stored = {key: Metric(**value) for key, value in metrics.items()}
        RunStore(tmp_path).save(f"training/{name}", RunIdentity("notebook", 1, {}, {}), stored)
    return Results(tmp_path)


@pytest.mark.parametrize(
    ("role", "body", "shown"),
    [
        ("result", "training/tfidf:auc", "0.751"),
        ("result", "training/tfidf:auc|.2f", "0.75"),
        ("result", "training/tfidf:auc|.1%", "75.1%"),
        ("result", "training/tfidf:auc|interval", "0.751 (0.710 to 0.791)"),
        ("result", "training/tfidf:auc|interval|.1%", "75.1% (71.0% to 79.1%)"),
        ("result", "training/tfidf:auc|low|.2f", "0.71"),
        ("result", "training/tfidf:films|,.0f", "1,364"),
        ("result", "training/tfidf:change|interval", "−0.037 (−0.070 to −0.005)"),  # noqa: RUF001
        ("result", "training/tfidf:none|interval", "0.0000 (−0.0004 to 0.0000)"),  # noqa: RUF001
        ("result", "training/tfidf:hardly", "0.000"),
        ("result", "training/tfidf:seconds|.0f|s", "12\N{NO-BREAK SPACE}s"),
        ("difference", "training/gated - training/tfidf:auc", "−0.012"),  # noqa: RUF001
        ("result", "training/tfidf:seconds|duration", "12\N{NO-BREAK SPACE}seconds"),
        ("result", "training/tfidf:minutes|duration", "29\N{NO-BREAK SPACE}minutes"),
        ("result", "training/tfidf:narrow|interval", "0.9312 (0.9310 to 0.9352)"),
        ("difference", "training/same - training/tfidf:auc|interval", "exactly 0"),
        (
            "difference",
            "training/gated  -  training/tfidf:auc|interval",
            "−0.012 (−0.030 to +0.006)",  # noqa: RUF001
        ),
        ("fixed", "95%", "95%"),
        ("claim", "TF-IDF leads. <tfidf-leads>", "TF-IDF leads."),
    ],
)
def test_text_of_each_role(
    plugin: ModuleType, results: Results, role: str, body: str, shown: str
) -> None:
    node = plugin.render_role(role, body, results)
    assert node["children"] == [{"type": "text", "value": shown}]


@pytest.mark.parametrize(
    ("role", "body", "message"),
    [
        ("result", "training/tfid:auc", "did you mean 'training/tfidf'"),
        ("result", "tfidf:auc", "no run 'tfidf'"),
        ("result", "training/tfidf:auk", "no metric 'auk'; did you mean 'auc'"),
        ("result", "training/tfidf:tolerance", "no metric 'tolerance'"),
        ("result", "training/tfidf", "not of the form run:metric"),
        ("result", "training/tfidf:auc|.3q", "Unknown format code 'q'"),
        ("result", "training/tfidf:auc|.3f|s|s", "at most one format and one unit"),
        ("result", "training/tfidf:films|interval", "has no 'low'"),
        ("difference", "training/gated - training/words:auc", "did you mean 'training/gated - tr"),
        ("difference", "training/gated:auc", "not of the form run - baseline:metric"),
        ("claim", "TF-IDF leads.", "not of the form: text <name of the claim>"),
    ],
)
def test_invalid_body_is_an_error(
    plugin: ModuleType, results: Results, role: str, body: str, message: str
) -> None:
    with pytest.raises(RunError) as error:
        plugin.render_role(role, body, results)
    assert message in str(error.value)


def test_error_node_replaces_an_invalid_role(plugin: ModuleType, results: Results) -> None:
    placeholder = {"type": "span", "class": "result", "data": {"role": "result", "body": "a/b:auc"}}
    tree = plugin.fill({"type": "root", "children": [placeholder]}, results)
    (node,) = tree["children"]
    assert (node["class"], node["children"][0]["value"]) == ("error", "[{result}`a/b:auc`]")
    assert "there is no run 'a/b'" in node["data"]["message"]


def test_plugin_protocol_of_mystmd() -> None:
    def call_plugin(*arguments: str, given: object = None) -> object:
        command = [str(PLUGIN), *arguments]
        done = subprocess.run(
            command, input=json.dumps(given), capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    specification = call_plugin()
    assert [transform["name"] for transform in specification["transforms"]] == ["results"]
    fixed = {"type": "span", "class": "fixed", "data": {"role": "fixed", "body": "95%"}}
    tree = call_plugin("--transform", "results", given={"type": "root", "children": [fixed]})
    assert tree["children"][0]["children"] == [{"type": "text", "value": "95%"}]
    box = {"type": "div", "class": "claims", "children": []}
    assert call_plugin("--directive", "claims", given={}) == [box]


def test_alt_text_is_copied_to_the_figure(plugin: ModuleType) -> None:
    image = {"type": "image", "url": "#fig-a", "alt": "Three bars."}
    tree = {"type": "root", "children": [{"type": "container", "children": [image]}]}
    assert plugin.keep_alt(tree)["children"][0]["data"] == {"alt": "Three bars."}
