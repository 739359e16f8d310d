import os
import subprocess
import sys
from pathlib import Path

import pytest

from wholescript.evaluation.film_metrics import score
from wholescript.experiments.store import FILM_PREDICTIONS, RunStore
from wholescript.files import ROOT

STORE = RunStore(ROOT / "results")
SCORED = [name for name in STORE.names() if (STORE.folder(name) / FILM_PREDICTIONS).exists()]


def test_there_are_stored_runs() -> None:
    assert len(SCORED) >= 20


@pytest.mark.parametrize("name", SCORED)
def test_stored_metrics_follow_from_the_stored_predictions(name: str) -> None:
    run = STORE.find(name)
    assert run is not None
    again = score(run.predictions)
    for metric, stored in run.metrics.items():
        # Stored scores are rounded, and ties that this makes count half a pair.
        assert again[metric] == pytest.approx(stored.value, abs=1e-3), metric
        assert stored.low is not None and stored.high is not None
        # Resampling adds noise, which calibration error takes for error: its value may lie below.
        assert stored.low <= stored.value <= stored.high or metric == "ece", metric


def test_the_baseline_trains_again_within_its_tolerance(tmp_path: Path) -> None:
    code = (
        "from wholescript.models.tfidf import WordsLR\n"
        "from wholescript.publish.cells import begin_notebook, evaluate_run\n"
        "from wholescript.studies.screenplays.study import open_study\n"
        "begin_notebook('05_evaluation', {})\n"
        "evaluate_run('evaluation/words', WordsLR(Cs=(3.0, 30.0)), open_study())\n"
    )
    environment = {**os.environ, "WHOLESCRIPT_OUTPUT": str(tmp_path), "TQDM_DISABLE": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    again = RunStore(tmp_path / "results").find("evaluation/words")
    stored = STORE.find("evaluation/words")
    assert stored is not None and again is not None
    for metric, value in stored.metrics.items():
        assert abs(again.metrics[metric].value - value.value) <= value.tolerance, metric
