from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore


def test_a_run_is_finished_when_its_config_is_there(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    saved = store.save("group/name", {"key": "k"}, {"auc": Metric(0.75, 0.7, 0.8, 0.01)})
    assert store.find("group/name", "k") == saved
    assert store.find("group/name", "other") is None
    assert store.names() == ["group/name"]
    (saved.path / "config.json").unlink()
    assert store.find("group/name") is None


def test_metrics_are_stored_flat_and_rounded(tmp_path: Path) -> None:
    run = RunStore(tmp_path).save("g/n", {"key": "k"}, {"auc": Metric(1 / 3, tolerance=0.01)})
    assert run.metrics == {"auc": Metric(0.333333, None, None, 0.01)}


def test_metrics_alone_give_no_predictions(tmp_path: Path) -> None:
    run = RunStore(tmp_path).save("g/n", {"key": "k"}, {"auc": Metric(0.5)})
    assert run.history.empty
    with pytest.raises(RunError, match="g/n stores no predictions"):
        _ = run.predictions


@pytest.mark.parametrize("name", ["name", "/name", "group/", "a/b/c", "../x"])
def test_a_name_has_a_group_and_no_more(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="<group>/<name>"):
        RunStore(tmp_path).folder(name)
