import json
import shutil
from pathlib import Path

import pytest

from tests.publish.conftest import make_project
from tests.shell import shell
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.publish.rerun import NotebookRerun, Rerun, choose_notebooks, rerun

CLAIMS = """
from wholescript.publish.claims import claim

@claim("It rises by more than 2.001.")
def line_rises(stored):
    return [stored.metric("tiny/line:height").value > 2.001]
"""

# A study that publishes stored runs, and trains one of them on bundled texts.
STUDY = """# %% tags=["parameters"]
source = "stored"  # stored | bundled | local
scale = "full"  # smoke | cpu | full

# %%
from wholescript.experiments.key import RunIdentity
from wholescript.publish.cells import Metric, begin_notebook, record_metrics

nb = begin_notebook("02_study", globals())
if source == "bundled":
    n_train = {"smoke": 10, "cpu": 100, "full": 1000}[scale]
    identity = RunIdentity("classifier", 1, {"n_train": n_train}, {"texts": "a"})
    scores = {"accuracy": Metric(0.91), "train_seconds": Metric(5.0)}
    nb.store.save("banking77/svm", identity, scores, metadata=nb.metadata())
record_metrics("study/summary", {"ratio": Metric(3.0)})
"""


STUDY_CLAIMS = """
from wholescript.publish.claims import claim

@claim("The SVM is at most as good as the large model.")
def svm_not_better(stored):
    svm, large = (stored.metric(f"banking77/{n}:accuracy") for n in ("svm", "large"))
    return [svm.value <= large.value]

@claim("Both take as long.")
def as_long(stored):
    svm, large = (stored.metric(f"banking77/{n}:train_seconds") for n in ("svm", "large"))
    return [svm.value >= large.value, svm.value <= large.value]
"""


def make_study(root: Path) -> Project:
    """Return a project whose only notebook publishes stored runs of two data sets."""
    project = make_project(root, STUDY, "02_study")
    store = RunStore(project.root / "results")
    costs = {"train_seconds": Metric(3600.0), "train_accuracy": Metric(0.99)}
    scores = {"accuracy": Metric(0.90, 0.88, 0.92, tolerance=0.005), **costs}
    for name, device, n_train in (
        ("banking77/svm", "A CPU, 2 cores", 100),
        ("banking77/large", "NVIDIA H200", 1000),
        ("ag_news/svm", "A CPU, 2 cores", 100),
    ):
        identity = RunIdentity("classifier", 1, {"n_train": n_train}, {"texts": "a"})
        store.save(name, identity, scores, metadata={"device": device})
    summary = RunIdentity("notebook", 1, {}, {})
    metadata = {"notebook": "02_study", "cell": "02_study-2"}
    store.save("study/summary", summary, {"ratio": Metric(1.0)}, metadata=metadata)
    shown = {"tbl-models": {"kind": "table", "runs": 3, "files": {}}}
    runs = dict.fromkeys(("banking77/svm", "banking77/large", "ag_news/svm"), "0")
    folder = project.root / "figures" / "02_study"
    folder.mkdir(parents=True)
    (folder / "provenance.json").write_text(json.dumps({"outputs": shown, "runs": runs}))
    (project.root / "report").mkdir()
    (project.root / "report" / "claims.py").write_text(STUDY_CLAIMS)
    return project


@pytest.fixture(scope="module")
def cpu_rerun(tmp_path_factory: pytest.TempPathFactory) -> Rerun:
    """The rerun of such a project at scale=cpu."""
    return rerun(make_study(tmp_path_factory.mktemp("study")), scale="cpu")


def test_study_is_trained_on_bundled_texts_and_its_stored_runs_are_compared(
    cpu_rerun: Rerun,
) -> None:
    [notebook] = cpu_rerun.notebooks
    assert notebook.changed == {"scale": "cpu", "source": "bundled"}
    assert {(m.run, m.name): m.within_tolerance for m in cpu_rerun.comparison.metrics} == {
        ("banking77/svm", "accuracy"): False,  # 0.91 is further than 0.005 from 0.9
        ("banking77/svm", "train_seconds"): True,  # measured
        ("banking77/svm", "train_accuracy"): False,  # not made
    }
    assert (notebook.n_made, notebook.n_compared) == (3, 2)
    assert cpu_rerun.comparison.figures == []


def test_smoke_is_the_default_and_compares_no_run_of_another_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(make_study(tmp_path).root))
    monkeypatch.setenv("COLUMNS", "200")
    result = shell(["notebook", "rerun", "02"])
    assert result.exit_code == 0
    assert "0 of 0 metrics outside their tolerance" in result.output
    assert "3 metrics made" in result.output
    assert "not made: 1 run (3 metrics, 1.0 h) of 02_study: the texts of AG News" in result.output


def test_runs_that_were_not_made_are_listed_with_reason_and_command(cpu_rerun: Rerun) -> None:
    found = {group.reason: group for group in cpu_rerun.not_made}
    run, again = "wholescript notebook run 02_study", "wholescript notebook rerun 02_study"
    assert {reason: group.command for reason, group in found.items()} == {
        "made at scale=full, in hours; trained on NVIDIA H200": f"{again} --scale full",
        "the texts of AG News are not in the repository": (
            f"{run} -p source local -p path PATH -p scale full"
        ),
        "summary of stored runs": run,
    }
    texts = found["the texts of AG News are not in the repository"]
    assert (texts.n_runs, texts.n_metrics, texts.hours) == (1, 3, 1.0)


def test_long_notebooks_are_left_out_unless_named_and_listed(
    executed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (executed.notebooks / "02_study.py").write_text(STUDY)
    monkeypatch.setattr("wholescript.publish.rerun.LONG", {"01_tiny": 9})
    monkeypatch.setattr("wholescript.publish.rerun.run_notebook", lambda *_, **__: None)
    found = rerun(executed)
    assert [notebook.name for notebook in found.notebooks] == ["02_study"]
    (left_out,) = (group for group in found.not_made if group.notebook == "01_tiny")
    assert (left_out.reason, left_out.command) == (
        "takes 9 minutes more",
        "wholescript notebook rerun 01_tiny",
    )
    for arguments, names in (({"names": ["01"]}, ["01_tiny"]), ({"scale": "smoke"}, None)):
        chosen, left_out = choose_notebooks(executed, **arguments)
        assert [one.name for one in chosen] == (names or ["01_tiny", "02_study"])
        assert left_out == {}


def test_claim_is_evaluated_with_the_new_metrics_but_not_with_measured_ones(
    cpu_rerun: Rerun,
) -> None:
    claims = cpu_rerun.comparison.claims
    assert [(claim.name, claim.new) for claim in claims] == [("svm-not-better", False)]


@pytest.fixture
def metrics(executed: Project) -> Path:
    return executed.root / "results" / "tiny" / "runs.json"


def test_rerun_compares_everything_but_runs_of_commands_and_keeps_published_output(
    executed: Project, metrics: Path
) -> None:
    metrics.write_text(metrics.read_text().replace('"value": 2.0', '"value": 2.005'))
    store = RunStore(executed.root / "results")
    for name, metadata in (
        ("removed", {"cell": "01_tiny-3", "notebook": "01_tiny"}),
        ("trained", {}),
    ):
        identity = RunIdentity("kind", 1, {}, {})
        store.save(f"tiny/{name}", identity, {"height": Metric(2.0)}, metadata=metadata)
    (executed.rerun_root / "stale").mkdir(parents=True)
    (executed.root / "report").mkdir()
    (executed.root / "report" / "claims.py").write_text(CLAIMS)
    seen: list[NotebookRerun] = []
    result = rerun(executed, on_notebook=seen.append)
    found = result.comparison
    metric, removed = sorted(found.metrics, key=lambda metric: metric.run)
    assert (metric.run, removed.run) == ("tiny/line", "tiny/removed")
    assert found.metrics_out_of_tolerance == [removed]
    assert metric.stored and metric.new
    assert (metric.stored.value, metric.new.value, metric.within_tolerance) == (2.005, 2.0, True)
    assert [figure.label for figure in found.figures] == ["fig-line", "tbl-heights"]
    assert not found.figures_changed
    assert [(claim.name, str(claim)) for claim in found.claims] == [
        ("line-rises", "does not hold, was holds")
    ]
    assert [(one.name, one.n_made, one.n_compared) for one in seen] == [("01_tiny", 1, 1)]
    assert result.not_made == []
    assert not (executed.rerun_root / "stale").exists()
    assert "2.005" in metrics.read_text()


@pytest.mark.parametrize(("label", "code"), [("height", 0), ("depth", 1)])
def test_exit_code_is_1_if_anything_changed(
    executed: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, label: str, code: int
) -> None:
    made = shutil.copytree(executed.root, tmp_path / "made")

    def copy_made(*_: object, output: Path, **__: object) -> None:
        for folder in ("figures", "results"):
            shutil.copytree(made / folder, output / folder)

    monkeypatch.setattr("wholescript.publish.rerun.run_notebook", copy_made)
    path = executed.root / "figures/01_tiny/plots.json"
    path.write_text(path.read_text().replace('"height"', f'"{label}"'))
    monkeypatch.setenv(ROOT_VARIABLE, str(executed.root))
    monkeypatch.setenv("COLUMNS", "200")
    result = shell(["notebook", "rerun"])
    assert result.exit_code == code
    assert ("fig-line: axes 1, y, label: 'height' was 'depth'" in result.output) is bool(code)
    assert f"0 of 1 metrics outside their tolerance, {code} of 2 figures" in result.output
    assert f"the new output is in {executed.rerun_root}" in result.output


def test_rerun_without_notebooks_is_an_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.notebooks / "01_tiny.py").unlink()
    monkeypatch.setenv(ROOT_VARIABLE, str(project.root))
    assert shell(["notebook", "rerun"]).exit_code == 1
