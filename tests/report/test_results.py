import json
from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.experiments.results import Metric, Results, difference_name
from wholescript.publish.claims import evaluate_claims, find_claim

CLAIMS = """
from wholescript.report.claims import claim

@claim("Words lead.")
def words_lead(results):
    return results.difference("g/chunks - g/words:auc").high < 0

@claim("Chunks are good.")
def chunks_are_good(results):
    return results.metric("g/chunks:auc").value > 0.9

@claim("Nobody knows.")
def nobody_knows(results):
    return results.metric("g/absent:auc").value > 0

@claim("It has a bound.")
def has_a_bound(results):
    return results.metric("g/words:films").low > 0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    metrics = {
        "words": {"auc": {"value": 0.77, "low": 0.74, "high": 0.8}, "films": {"value": 1026}},
        "chunks": {"auc": {"value": 0.73, "low": 0.7, "high": 0.77}},
        "differences": {"g/chunks - g/words:auc": {"value": -0.04, "low": -0.06, "high": -0.01}},
    }
    for run, values in metrics.items():
        folder = tmp_path / "results" / "g" / run
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(values))
        (folder / "config.json").write_text(json.dumps({"key": run}))
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "claims.py").write_text(CLAIMS)
    return tmp_path


def test_numbers_and_differences_are_looked_up_and_noted(root: Path) -> None:
    results = Results(root / "results")
    assert results.metric("g/words:auc") == Metric(0.77, 0.74, 0.8)
    assert results.difference("g/chunks -  g/words:auc").value == -0.04
    assert results.read == ["g/words:auc", "g/chunks - g/words:auc"]
    assert results.names() == ["g/chunks", "g/differences", "g/words"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("g/wrods:auc", "did you mean 'g/words'"),
        ("g/words:auk", "did you mean 'auc'"),
        ("g/words", "not of the form run:metric"),
        ("../g/words:auc", "there is no run"),
    ],
)
def test_a_mistyped_number_names_the_nearest(root: Path, reference: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        Results(root / "results").metric(reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("g/words - g/chunks:auc", "did you mean 'g/chunks - g/words:auc'"),
        ("g/words:auc", "not of the form run - baseline:metric"),
    ],
)
def test_a_mistyped_difference_names_the_nearest(root: Path, reference: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        Results(root / "results").difference(reference)


def test_a_difference_has_one_spelling() -> None:
    assert difference_name(" a/b -  c/d:auc ") == "a/b - c/d:auc"


def test_claims_hold_or_break_with_their_evidence(root: Path) -> None:
    claims = evaluate_claims(root)
    assert {name: claim.holds for name, claim in claims.items()} == {
        "chunks-are-good": False,
        "has-a-bound": False,
        "nobody-knows": False,
        "words-lead": True,
    }
    assert claims["words-lead"].evidence == {"g/chunks - g/words:auc": Metric(-0.04, -0.06, -0.01)}
    assert "g/absent" in claims["nobody-knows"].error
    assert "None" in claims["has-a-bound"].error
    assert claims["chunks-are-good"].error == ""


def test_a_mistyped_claim_names_the_nearest(root: Path) -> None:
    with pytest.raises(RunError, match="did you mean 'words-lead'"):
        find_claim(evaluate_claims(root), "word-leads")


def test_a_claim_is_true_or_false(root: Path) -> None:
    text = CLAIMS.replace('results.metric("g/chunks:auc").value > 0.9', "0.9")
    (root / "report" / "claims.py").write_text(text)
    claim = evaluate_claims(root)["chunks-are-good"]
    assert not claim.holds
    assert "a claim is True or False" in claim.error


def test_claims_that_cannot_be_read_are_an_error(root: Path) -> None:
    (root / "report" / "claims.py").write_text("import no_such_module")
    with pytest.raises(RunError, match=r"claims.py cannot be run: ModuleNotFoundError"):
        evaluate_claims(root)


def test_a_project_without_claims_has_none(tmp_path: Path) -> None:
    assert evaluate_claims(tmp_path) == {}
