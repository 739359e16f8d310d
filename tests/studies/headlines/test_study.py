"""What the notebook asks for, from each source of headlines."""

import pandas as pd
import pytest

from wholescript.data.headlines import BUNDLED_FILE, Headlines
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.experiments import workspace as workspaces
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.files import ROOT, sha256_of
from wholescript.project import Project
from wholescript.studies.headlines.recipe import HeadlineRunSpec
from wholescript.studies.headlines.study import HeadlineStudy, open_study, profile_table

PARAMETERS = {"path": "", "text_column": "title", "revision": "main", "scale": "full", "seed": 0}
TINY = {"n_layer": 1, "n_head": 2, "d_model": 16, "vocab_size": 300, "block_size": 32}
SPEC = HeadlineRunSpec(
    "baseline", "tiny-", "baseline", 600, (1, 2), {**TINY, "batch_size": 4}, {"epochs": 1}
)


@pytest.fixture
def activate(tmp_path, monkeypatch):
    """Return a function that makes a workspace with parameters the active one."""

    def make(project=None, **parameters):
        project = project or Project(ROOT)
        store = RunStore(tmp_path / "results")
        workspace = Workspace(project, store, parameters=PARAMETERS | parameters)
        monkeypatch.setattr(workspaces, "_active", workspace)
        return workspace

    return make


@pytest.fixture
def headlines():
    texts = [f"Show HN: {what} number {n}" for n in range(300) for what in ("a tool", "an app")]
    return Headlines(texts, [], "local", "f").first(600)


def test_published_runs_are_found_without_headlines(activate):
    workspace = activate(source="stored")
    study = open_study()
    assert [run.name for run in study.runs("two-cores")["quick"]] == ["headlines/cpu-quick-s1337"]
    found = study.analysis("two-cores", "quick", "samples")
    assert found.name == "headlines/cpu-quick-s1337-samples" and len(found.history) == 12
    assert workspace.used[found.name] == found.key


def test_bundled_headlines_are_those_of_the_stored_runs(activate):
    stored = RunStore(ROOT / "results").find("headlines/best-s1337")
    assert sha256_of(ROOT / BUNDLED_FILE) == stored.data["fingerprint"]
    activate(source="bundled")
    study = open_study()
    assert study.headlines.counts == stored.data["headlines"]
    assert study.headlines.val_overlap == stored.metrics["val_overlap"].value
    assert (ROOT / BUNDLED_FILE).stat().st_size < 4e6


def test_runs_are_trained_once_with_the_seeds_of_the_notebook(activate, headlines, tmp_path):
    activate(Project(tmp_path), source="local")
    study = HeadlineStudy({"best": [SPEC]}, headlines, seed=10)
    (runs,) = study.runs("best").values()
    assert [run.name for run in runs] == [
        "headlines/tiny-baseline-s11",
        "headlines/tiny-baseline-s12",
    ]
    assert runs[0].data["headlines"] == {"train": 540, "validation": 60}
    assert runs[0].config["scale"] == "full"
    again = study.runs("best")["baseline"]
    assert [run.key for run in again] == [run.key for run in runs]
    samples = study.analysis("best", "baseline", "samples")
    assert samples.settings["seed"] == 10 and samples.data == {"run": runs[0].key}
    other = HeadlineStudy({"best": [SPEC]}, headlines, seed=11).runs("best")["baseline"]
    assert other[0].key == runs[1].key and other[1].metrics != runs[1].metrics


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"source": "stored", "scale": "cpu"}, "source=stored has the published runs"),
        ({"source": "bundled", "path": "titles.csv"}, "source=bundled reads no path"),
        ({"source": "local"}, "source=local needs path=FILE"),
        ({"source": "local", "path": "no.csv"}, "no.csv"),
        ({"source": "disk"}, "source='disk' must be one of stored, bundled, local, hub"),
        ({"source": "bundled", "scale": "smok"}, "scale='smok' must be one of smoke, cpu, full"),
    ],
)
def test_contradictory_parameters_raise(activate, parameters, message):
    activate(**parameters)
    with pytest.raises(ParameterError, match=message):
        open_study()


def test_unusable_files_raise(activate, tmp_path):
    few = tmp_path / "few.csv"
    pd.DataFrame({"title": ["one", "two", "three"]}).to_csv(few, index=False)
    activate(source="local", path=str(few))
    with pytest.raises(DataError, match=r"has 3 headlines .* at least 1,000"):
        open_study()
    pd.DataFrame({"Title": ["one"] * 2_000}).to_csv(few, index=False)
    with pytest.raises(DataError, match=r"no column 'title'; it has Title"):
        open_study()
    activate(source="local", path=str(few), text_column="Title")
    assert open_study().headlines.counts == {"train": 1_800, "validation": 200}


def test_a_file_is_shuffled_and_that_is_told(activate, tmp_path, capsys):
    path = tmp_path / "sorted.txt"
    lines = [f"headline {n:04d}" for n in range(1_000)]
    path.write_text("\n".join(lines))
    activate(source="local", path=str(path), scale="smoke")
    headlines = open_study().headlines
    assert "sorted.txt are shuffled" in capsys.readouterr().out
    assert min(headlines.validation) < "headline 0500" < max(headlines.validation)


def test_run_of_which_only_headlines_are_missing_raises(activate):
    activate(source="stored")
    study = HeadlineStudy({"best": [SPEC]}, open_study().headlines, seed=0)
    with pytest.raises(RunError, match="results/ has no run headlines/tiny-baseline-s1"):
        study.runs("best")


def test_profile_table_counts_trainings():
    table = profile_table()
    assert table.loc[("full", "best"), "trainings"] == 6
    assert (table["headlines"].xs("smoke") < table["headlines"].xs("full")).all()
