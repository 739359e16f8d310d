from pathlib import Path

import pytest

from wholescript.errors import RunError
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import RunStore
from wholescript.publish.claims import (
    Bound,
    Condition,
    Quantity,
    Relation,
    evaluate_claims,
    find_claim,
)

CLAIMS = '''
from wholescript.publish.claims import claim

@claim("TF-IDF is better than the mean.")
def tfidf_beats_mean(stored):
    """The interval of the paired
    difference lies below zero."""
    return [stored.difference("g/mean - g/tfidf:auc").high < 0]

@claim("The mean is above 0.9.")
def mean_above_90(stored):
    mean = stored.metric("g/mean:auc").value
    return [mean > 0.9, mean <= 1]

@claim("It uses a missing run.")
def missing_run(stored):
    return [stored.metric("g/absent:auc").value > 0]

@claim("It uses a missing bound.")
def missing_bound(stored):
    return [stored.metric("g/mean:auc").low > 0]
'''


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


def test_claims_are_evaluated_with_their_conditions(root: Path) -> None:
    claims = evaluate_claims(root)
    assert {name: claim.holds for name, claim in claims.items()} == {
        "mean-above-90": False,
        "missing-bound": False,
        "missing-run": False,
        "tfidf-beats-mean": True,
    }
    beats = claims["tfidf-beats-mean"]
    assert beats.test == "The interval of the paired difference lies below zero."
    (condition,) = beats.conditions
    assert condition.left.quantity == Quantity("g/mean - g/tfidf:auc", Metric(-0.04, -0.06, -0.01))
    assert (condition.left.part, condition.relation, condition.right) == ("high", "<", 0)
    assert [condition.holds for condition in claims["mean-above-90"].conditions] == [False, True]
    assert claims["mean-above-90"].error == ""


def test_conditions_are_grouped_by_their_quantity(root: Path) -> None:
    (found,) = evaluate_claims(root)["mean-above-90"].quantities.values()
    quantity, conditions = found
    assert quantity.reference == "g/mean:auc"
    assert [(c.relation, c.right) for c in conditions] == [(">", 0.9), ("≤", 1)]


def test_quantities_that_others_are_compared_with_come_last(root: Path) -> None:
    replaced = CLAIMS.replace("mean > 0.9", 'mean > stored.difference("g/mean - g/tfidf:auc").low')
    (root / "report" / "claims.py").write_text(replaced)
    found = evaluate_claims(root)["mean-above-90"].quantities
    assert [(name, len(conditions)) for name, (_, conditions) in found.items()] == [
        ("g/mean:auc", 2),
        ("g/mean - g/tfidf:auc", 0),
    ]


def test_missing_results_are_named(root: Path) -> None:
    claims = evaluate_claims(root)
    assert "g/absent" in claims["missing-run"].error
    assert "'g/mean:auc' has no interval" in claims["missing-bound"].error


@pytest.mark.parametrize(
    ("left", "relation", "right", "holds"),
    [
        (1, "<", 2, True),
        (2, "<", 2, False),
        (2, "≤", 2, True),
        (3, "≤", 2, False),
        (3, ">", 2, True),
        (2, ">", 2, False),
        (2, "≥", 2, True),
        (1, "≥", 2, False),
    ],
)
def test_numbers_are_compared(left: float, relation: Relation, right: float, holds: bool) -> None:
    bound, other = (Quantity("g/a:b", Metric(value)).value for value in (left, right))
    assert Condition(bound, relation, right).holds is holds
    assert Condition(bound, relation, other).holds is holds


def test_conditions_name_both_numbers(root: Path) -> None:
    replaced = CLAIMS.replace("mean > 0.9", 'mean > stored.difference("g/mean - g/tfidf:auc").low')
    (root / "report" / "claims.py").write_text(replaced)
    right = evaluate_claims(root)["mean-above-90"].conditions[0].right
    assert isinstance(right, Bound)
    assert (right.part, right.number, right.quantity.reference) == (
        "low",
        -0.06,
        "g/mean - g/tfidf:auc",
    )


def test_unknown_claim_suggests_similar_ones(root: Path) -> None:
    with pytest.raises(RunError, match="did you mean 'tfidf-beats-mean'"):
        find_claim(evaluate_claims(root), "tfidf-beat-means")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("mean > 0.9", "it must return a list of conditions"),
        ("[True]", "it must return a list of conditions"),
        ("[]", "returned no condition"),
        ("[0 <= mean <= 1]", "do not combine them"),
        ("all([mean > 0.9])", "do not combine them"),
    ],
)
def test_a_claim_must_return_its_conditions(root: Path, returned: str, message: str) -> None:
    text = CLAIMS.replace("[mean > 0.9, mean <= 1]", returned)
    (root / "report" / "claims.py").write_text(text)
    claim = evaluate_claims(root)["mean-above-90"]
    assert not claim.holds
    assert message in claim.error


def test_claims_py_that_fails_is_an_error(root: Path) -> None:
    (root / "report" / "claims.py").write_text("import no_such_module")
    with pytest.raises(RunError, match=r"claims.py cannot be run: ModuleNotFoundError"):
        evaluate_claims(root)


def test_project_without_claims_py_has_no_claims(tmp_path: Path) -> None:
    assert evaluate_claims(tmp_path) == {}
