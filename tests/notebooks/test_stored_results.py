import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wholescript.evaluation.film_metrics import weighted_metrics
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.store import RunStore
from wholescript.files import ROOT

STORE = RunStore(ROOT / "results")
SCORED = STORE.names(FilmPredictions)


def test_results_have_runs_with_film_predictions() -> None:
    assert len(SCORED) >= 20


@pytest.mark.parametrize("name", SCORED)
def test_stored_metrics_equal_those_of_the_stored_predictions(name: str) -> None:
    run = STORE.find(name)
    assert run is not None
    predictions, names = run.predictions(FilmPredictions), list(run.metrics)
    once = np.ones((1, len(predictions.labels)))
    means = weighted_metrics(predictions, once, names).mean(axis=(0, 2))
    metrics = dict(zip(names, means, strict=True))
    for metric, stored in run.metrics.items():
        # Stored scores are rounded, which makes ties.
        assert metrics[metric] == pytest.approx(stored.value, abs=1e-3), metric
        assert stored.low is not None and stored.high is not None
        # Resampling increases the calibration error: its value may be below the interval.
        assert stored.low <= stored.value <= stored.high or metric == "ece", metric


@pytest.mark.slow
def test_baseline_is_reproduced_within_its_tolerance(tmp_path: Path) -> None:
    code = (
        "from wholescript.models.films.tfidf import TfidfLR\n"
        "from wholescript.publish.cells import begin_notebook\n"
        "from wholescript.studies.screenplays.data import open_screenplay_data\n"
        "from wholescript.studies.screenplays.experiments import cross_validation_run\n"
        "begin_notebook('05_evaluation', {})\n"
        "data = open_screenplay_data()\n"
        "cross_validation_run('evaluation/tfidf-logistic', TfidfLR(Cs=(3.0, 30.0)), data)\n"
    )
    environment = {**os.environ, "WHOLESCRIPT_OUTPUT": str(tmp_path), "TQDM_DISABLE": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    new = RunStore(tmp_path / "results").find("evaluation/tfidf-logistic")
    stored = STORE.find("evaluation/tfidf-logistic")
    assert stored is not None and new is not None
    for metric, value in stored.metrics.items():
        assert abs(new.metrics[metric].value - value.value) <= value.tolerance, metric
