from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.publish.claims import evaluate_claims, find_claim

CLAIMS = """
from wholescript.publish.claims import claim

@claim("TF-IDF is better than the mean.")
def tfidf_beats_mean(results):
    return results.difference("g/mean - g/tfidf:auc").high < 0

@claim("The mean is above 0.9.")
def mean_above_90(results):
    return results.metric("g/mean:auc").value > 0.9

@claim("It uses a missing run.")
def missing_run(results):
    return results.metric("g/absent:auc").value > 0

@claim("It uses a missing bound.")
def missing_bound(results):
    return results.metric("g/mean:auc").low > 0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    metrics = {
        "mean": {"auc": {"value": 0.73}},
        "differences": {"g/mean - g/tfidf:auc": {"value": -0.04, "low": -0.06, "high": -0.01}},
    }
    store = RunStore(tmp_path / "results")
    for run, values in metrics.items():
        stored = {name: Metric(**value) for name, value in values.items()}
        store.save(f"g/{run}", RunIdentity("notebook", 1, {}, {}), stored)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "claims.py").write_text(CLAIMS)
    return tmp_path


def test_claims_are_evaluated_with_their_evidence(root: Path) -> None:
    claims = evaluate_claims(root)
    assert {name: claim.holds for name, claim in claims.items()} == {
        "mean-above-90": False,
        "missing-bound": False,
        "missing-run": False,
        "tfidf-beats-mean": True,
    }
    evidence = claims["tfidf-beats-mean"].evidence
    assert evidence == {"g/mean - g/tfidf:auc": Metric(-0.04, -0.06, -0.01)}
    assert "g/absent" in claims["missing-run"].error
    assert "None" in claims["missing-bound"].error
    assert claims["mean-above-90"].error == ""


def test_unknown_claim_suggests_similar_ones(root: Path) -> None:
    with pytest.raises(RunError, match="did you mean 'tfidf-beats-mean'"):
        find_claim(evaluate_claims(root), "tfidf-beat-means")


def test_predicate_must_return_a_bool(root: Path) -> None:
    text = CLAIMS.replace('results.metric("g/mean:auc").value > 0.9', "0.9")
    (root / "report" / "claims.py").write_text(text)
    claim = evaluate_claims(root)["mean-above-90"]
    assert not claim.holds
    assert "it must return True or False" in claim.error


def test_claims_py_that_fails_is_an_error(root: Path) -> None:
    (root / "report" / "claims.py").write_text("import no_such_module")
    with pytest.raises(RunError, match=r"claims.py cannot be run: ModuleNotFoundError"):
        evaluate_claims(root)


def test_project_without_claims_py_has_no_claims(tmp_path: Path) -> None:
    assert evaluate_claims(tmp_path) == {}
