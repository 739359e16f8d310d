import json
from pathlib import Path

import numpy as np
import pytest

from wholescript.evaluation.film_bootstrap import paired_difference
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.key import Identity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.publish.comparison.sweep import figures_by_label, metric_rows

N = 40


def predictions(seed: int, films: int = N) -> FilmPredictions:
    rng = np.random.default_rng(seed)
    labels = (np.arange(films) % 3 == 0).astype(np.int8)
    names = [f"film {i}" for i in range(films)]
    scores = (0.3 * labels + rng.uniform(size=films))[None] / 2
    return FilmPredictions(
        names,
        labels,
        np.array(names, dtype=object),
        np.full(films, 2000),
        scores,
        np.full((1, films), 0.5),
        np.zeros((1, films), dtype=np.int64),
    )


def save(
    root: Path,
    name: str,
    auc: float,
    stored: FilmPredictions | None = None,
    notebook: str = "01",
) -> None:
    metrics = {"auc": Metric(auc, auc - 0.1, auc + 0.1), "brier": Metric(0.2)}
    identity = Identity("cross_validation", 1, {"name": name}, {})
    RunStore(root / "results").save(
        name, identity, metrics, metadata={"notebook": notebook}, predictions=stored
    )


def test_runs_with_the_same_films_are_paired(tmp_path: Path) -> None:
    first, second = predictions(0), predictions(1)
    save(tmp_path / "a", "g/tfidf", 0.7, first)
    save(tmp_path / "b", "g/tfidf", 0.6, second)
    [row] = metric_rows([{"01": tmp_path / "a"}, {"01": tmp_path / "b"}], RunStore(tmp_path))
    assert (row.run, row.metric) == ("g/tfidf", "auc")
    reference, other = row.cells
    assert reference.value is not None and reference.value.value == 0.7
    assert reference.difference is None
    assert other.paired and other.difference is not None
    expected = paired_difference(second, first, ["auc"]).iloc[0]
    found = [other.difference.value, other.difference.low, other.difference.high]
    assert found == pytest.approx([expected["value"], expected["low"], expected["high"]], abs=1e-3)


@pytest.mark.parametrize("stored", [predictions(1, films=30), None])
def test_other_films_or_no_predictions_give_an_unpaired_difference(
    tmp_path: Path, stored: FilmPredictions | None
) -> None:
    save(tmp_path / "a", "g/tfidf", 0.7, predictions(0))
    save(tmp_path / "b", "g/tfidf", 0.6, stored)
    [row] = metric_rows([{"01": tmp_path / "a"}, {"01": tmp_path / "b"}], RunStore(tmp_path))
    cell = row.cells[1]
    assert cell.difference is not None and cell.difference.value == pytest.approx(-0.1)
    assert not cell.paired


def test_all_metrics_without_predictions_and_missing_runs(tmp_path: Path) -> None:
    save(tmp_path / "a", "g/numbers", 0.7)
    save(tmp_path / "b", "g/other", 0.6)
    rows = list(metric_rows([{"01": tmp_path / "a"}, {"01": tmp_path / "b"}], RunStore(tmp_path)))
    assert [(row.run, row.metric) for row in rows] == [
        *(("g/numbers", "auc"), ("g/numbers", "brier")),
        *(("g/other", "auc"), ("g/other", "brier")),
    ]
    assert rows[0].cells[1].value is None and rows[0].cells[1].difference is None
    assert rows[2].cells[0].value is None and rows[2].cells[1].difference is None


def test_own_runs_and_runs_read_by_key_are_shown(
    tmp_path: Path,
) -> None:
    root, own = tmp_path / "root", tmp_path / "own"
    save(root, "g/foreign", 0.9, notebook="02")
    save(root, "g/read", 0.8, notebook="02")
    save(own, "g/own", 0.7)
    (own / "figures").mkdir()
    key = Identity("cross_validation", 1, {"name": "g/read"}, {}).key
    runs = {"g/read": key, "g/foreign": "other"}
    record = {"label": "fig-x", "notebook": "01", "runs": runs}
    (own / "figures" / "fig-x.provenance.json").write_text(json.dumps(record))
    rows = metric_rows([{"01": root}, {"01": own}], RunStore(root / "results"))
    assert list(dict.fromkeys(row.run for row in rows)) == ["g/own", "g/read"]


def test_figures_of_the_notebooks_by_label(tmp_path: Path) -> None:
    for root, notebook in (("a", "01"), ("b", "02")):
        folder = tmp_path / root / "figures"
        folder.mkdir(parents=True)
        record = json.dumps({"label": "fig-x", "notebook": notebook})
        (folder / "fig-x.provenance.json").write_text(record)
        (folder / "fig-x.png").write_bytes(b"")
    found = figures_by_label([{"01": tmp_path / "a"}, {"01": tmp_path / "b"}])
    assert found == {"fig-x": [tmp_path / "a" / "figures" / "fig-x.png", None]}
