"""Claims: conclusions of the report, each a named predicate over stored results.

A project defines them in `report/claims.py`, as functions of `Results` that return a bool:

    @claim("TF-IDF + logistic regression ranks films better than mean chunk embeddings.")
    def tfidf_beats_mean(results):
        return results.difference("training/mean - evaluation/tfidf-logistic:auc").high < 0

A page cites a claim as {claim}`text on the page <tfidf-beats-mean>`. The results that a predicate
looks up are the evidence of its claim.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wholescript.errors import RunError, did_you_mean
from wholescript.experiments.results import Metric, Results

Predicate = Callable[[Results], bool]
FILE = Path("report") / "claims.py"
_STATEMENT = "_claim_statement"


@dataclass(frozen=True)
class Claim:
    """An evaluated claim: whether it holds, its evidence, and the error of a failed evaluation."""

    name: str
    statement: str
    holds: bool
    evidence: dict[str, Metric]
    error: str = ""


def claim(statement: str) -> Callable[[Predicate], Predicate]:
    """Register a function of `Results` as a claim with this statement."""

    def decorate(predicate: Predicate) -> Predicate:
        setattr(predicate, _STATEMENT, statement)
        return predicate

    return decorate


def evaluate_claims(
    root: Path, remade: Mapping[str, Mapping[str, Metric]] | None = None
) -> dict[str, Claim]:
    """Return every claim of the project at `root` by name, evaluated on its stored results.

    `remade` has metrics, by run, that take the place of stored ones.

    A claim whose predicate looks up a missing result does not hold; `Claim.error` says why. A
    project without `report/claims.py` has no claims.

    Raises:
        RunError: the file cannot be run, or a predicate returns something other than a bool.
    """
    return {
        name: _evaluated(name, predicate, root / "results", remade or {})
        for name, predicate in sorted(_predicates(root / FILE).items())
    }


def find_claim(claims: dict[str, Claim], name: str) -> Claim:
    """Return a claim by name; raise RunError, which suggests similar names, if there is none."""
    if name not in claims:
        raise RunError(f"there is no claim {name!r} in {FILE}{did_you_mean(name, claims)}")
    return claims[name]


def _predicates(path: Path) -> dict[str, Predicate]:
    if not path.exists():
        return {}
    spec = importlib.util.spec_from_file_location("report_claims", path)
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


def _evaluated(
    name: str,
    predicate: Predicate,
    results_root: Path,
    remade: Mapping[str, Mapping[str, Metric]],
) -> Claim:
    results, error, holds = Results(results_root, remade=remade), "", False
    statement = str(getattr(predicate, _STATEMENT))
    try:
        answer = predicate(results)
        if type(answer) is not bool:
            raise RunError(f"the claim {name!r} returned {answer!r}; it must return True or False")
        holds = answer
    except (RunError, TypeError) as problem:
        # TypeError: comparison with a missing bound (None).
        error = str(problem)
    stored = Results(results_root, remade=remade)
    evidence = {
        reference: stored.difference(reference) if " - " in reference else stored.metric(reference)
        for reference in dict.fromkeys(results.references)
    }
    return Claim(name, statement, holds, evidence, error)
