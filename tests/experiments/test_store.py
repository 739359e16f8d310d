from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.key import Identity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore

IDENTITY = Identity("measurement", 1, {"seed": 0}, {})
OTHER = Identity("measurement", 1, {"seed": 1}, {})


def test_run_is_finished_when_its_config_exists(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    saved = store.save("group/name", IDENTITY, {"auc": Metric(0.75, 0.7, 0.8, 0.01)})
    assert store.find("group/name", IDENTITY) == saved
    assert store.find("group/name", OTHER) is None
    assert store.names() == ["group/name"]
    (saved.path / "config.json").unlink()
    assert store.find("group/name") is None


def test_metrics_are_rounded_to_6_decimals(tmp_path: Path) -> None:
    run = RunStore(tmp_path).save("g/n", IDENTITY, {"auc": Metric(1 / 3, tolerance=0.01)})
    assert run.metrics == {"auc": Metric(0.333333, None, None, 0.01)}


def test_run_without_predictions_and_history(tmp_path: Path) -> None:
    run = RunStore(tmp_path).save("g/n", IDENTITY, {"auc": Metric(0.5)})
    assert run.history.empty
    with pytest.raises(RunError, match="run g/n stores no"):
        run.predictions(FilmPredictions)


@pytest.mark.parametrize("name", ["name", "/name", "group/", "a/b/c", "../x"])
def test_name_without_exactly_one_group_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="<group>/<name>"):
        RunStore(tmp_path).folder(name)
