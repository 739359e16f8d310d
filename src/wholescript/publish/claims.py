"""Conclusions of the report, each a named predicate over stored results.

They stand in `report/claims.py` of a project, as functions of `Results` that return whether they
hold:

    @claim("Word counts rank films better than the mean of chunk embeddings.")
    def words_lead(results):
        return results.difference("training/mean - evaluation/words:auc").high < 0

A page states one as {claim}`the words of the page <words-lead>`. Everything that a predicate looks
up is its evidence.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wholescript.errors import RunError
from wholescript.experiments.results import Metric, Results, nearest

Predicate = Callable[[Results], bool]
FILE = Path("report") / "claims.py"
_STATEMENT = "_claim_statement"


@dataclass(frozen=True)
class Claim:
    """A claim as evaluated: whether it holds, on which numbers, or the error that hid them."""

    name: str
    statement: str
    holds: bool
    evidence: dict[str, Metric]
    error: str = ""


def claim(statement: str) -> Callable[[Predicate], Predicate]:
    """Mark a function of `Results` as a claim that says `statement`."""

    def mark(predicate: Predicate) -> Predicate:
        setattr(predicate, _STATEMENT, statement)
        return predicate

    return mark


def evaluate_claims(root: Path) -> dict[str, Claim]:
    """Return every claim of the project at `root` by name, evaluated on its stored results.

    A predicate that asks for a result that is not there does not hold, and says why. A project
    without `report/claims.py` has no claims.

    Raises:
        RunError: the file cannot be run, or a predicate returns something other than a bool.
    """
    return {
        name: _evaluated(name, predicate, root / "results")
        for name, predicate in sorted(_predicates(root / FILE).items())
    }


def find_claim(claims: dict[str, Claim], name: str) -> Claim:
    """Return a claim by name; raises RunError that names the nearest where there is none."""
    if name not in claims:
        raise RunError(f"there is no claim {name!r} in {FILE}{nearest(name, claims)}")
    return claims[name]


def _predicates(path: Path) -> dict[str, Predicate]:
    if not path.exists():
        return {}
    spec = importlib.util.spec_from_file_location("claims_of_the_report", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RunError(f"{FILE} cannot be run: {type(error).__name__}: {error}") from error
    return {
        name.replace("_", "-"): value
        for name, value in vars(module).items()
        if hasattr(value, _STATEMENT)
    }


def _evaluated(name: str, predicate: Predicate, results_root: Path) -> Claim:
    results, error, holds = Results(results_root), "", False
    statement = str(getattr(predicate, _STATEMENT))
    try:
        answer = predicate(results)
        if type(answer) is not bool:
            raise RunError(f"the claim {name!r} returned {answer!r}; a claim is True or False")
        holds = answer
    except (RunError, TypeError) as found:
        # A bound that is missing (None) cannot be compared: TypeError.
        error = str(found)
    looked_up = Results(results_root)
    evidence = {
        reference: looked_up.difference(reference)
        if " - " in reference
        else looked_up.metric(reference)
        for reference in dict.fromkeys(results.read)
    }
    return Claim(name, statement, holds, evidence, error)
