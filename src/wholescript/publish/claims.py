"""Claims: conclusions of the report, each a test of named conditions on stored results.

A project defines them in `report/claims.py`, as functions that return the conditions:

    @claim("TF-IDF + logistic regression ranks films better than mean chunk embeddings.")
    def tfidf_beats_mean(stored: StoredQuantities) -> list[Condition]:
        "The interval of the paired difference lies below zero."
        return [stored.difference("training/mean - evaluation/tfidf-logistic:auc").high < 0]

A claim holds if all its conditions do. The docstring says in words what is tested. A page cites a
claim as {claim}`text on the page <tfidf-beats-mean>`.
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wholescript.errors import RunError, did_you_mean
from wholescript.experiments.results import Metric, Results

FILE = Path("report") / "claims.py"
_STATEMENT = "_claim_statement"

Part = Literal["value", "low", "high"]
Relation = Literal["<", "≤", ">", "≥"]


@dataclass(frozen=True)
class Condition:
    """The comparison of a stored number with a threshold, or with another stored number."""

    left: "Bound"
    relation: Relation
    right: "float | Bound"

    @property
    def holds(self) -> bool:
        """Whether the comparison is true."""
        left = self.left.number
        right = self.right.number if isinstance(self.right, Bound) else self.right
        match self.relation:
            case "<":
                return left < right
            case "≤":
                return left <= right
            case ">":
                return left > right
            case "≥":
                return left >= right

    def __bool__(self) -> bool:
        """Refuse: `all`, `and`, `max` and chained comparisons would drop conditions."""
        raise TypeError("a claim returns a list of its conditions: do not combine them to a bool")


@dataclass(frozen=True, eq=False)
class Bound:
    """The value of a stored quantity, or one end of its interval; comparisons are conditions."""

    quantity: "Quantity"
    part: Part
    number: float

    def __lt__(self, other: "float | Bound") -> Condition:
        """Return the condition that this number is below another."""
        return Condition(self, "<", other)

    def __le__(self, other: "float | Bound") -> Condition:
        """Return the condition that this number is at most another."""
        return Condition(self, "≤", other)

    def __gt__(self, other: "float | Bound") -> Condition:
        """Return the condition that this number is above another."""
        return Condition(self, ">", other)

    def __ge__(self, other: "float | Bound") -> Condition:
        """Return the condition that this number is at least another."""
        return Condition(self, "≥", other)


@dataclass(frozen=True)
class Quantity:
    """A stored metric, `run:metric`, or paired difference, `run - baseline:metric`."""

    reference: str
    metric: Metric

    @property
    def value(self) -> Bound:
        """The value."""
        return Bound(self, "value", self.metric.value)

    @property
    def low(self) -> Bound:
        """The lower bound of the interval; raise RunError if there is no interval."""
        return self._bound("low", self.metric.low)

    @property
    def high(self) -> Bound:
        """The upper bound of the interval; raise RunError if there is no interval."""
        return self._bound("high", self.metric.high)

    def _bound(self, part: Part, number: float | None) -> Bound:
        if number is None:
            raise RunError(f"{self.reference!r} has no interval: compare its value")
        return Bound(self, part, number)


@dataclass(frozen=True)
class StoredQuantities:
    """The stored results as claims use them."""

    results: Results

    def names(self) -> list[str]:
        """Return the names of all finished runs, sorted."""
        return self.results.names()

    def metric(self, reference: str) -> Quantity:
        """Return the metric `run:metric`; raise RunError if there is none."""
        return Quantity(reference, self.results.metric(reference))

    def difference(self, reference: str) -> Quantity:
        """Return the paired difference `run - baseline:metric`; raise RunError if none."""
        return Quantity(reference, self.results.difference(reference))


ClaimTest = Callable[[StoredQuantities], Sequence[Condition]]


@dataclass(frozen=True)
class Claim:
    """An evaluated claim: its test in words, its conditions, and the error of a failed evaluation.

    It holds if there is a condition and no condition is false.
    """

    name: str
    statement: str
    test: str = ""
    conditions: tuple[Condition, ...] = ()
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether the stored results support the claim."""
        return bool(self.conditions) and all(condition.holds for condition in self.conditions)

    @property
    def quantities(self) -> dict[str, tuple[Quantity, list[Condition]]]:
        """Each quantity by its reference, with the conditions on it.

        Those that others are compared with come last, without conditions.
        """
        found: dict[str, tuple[Quantity, list[Condition]]] = {}
        for condition in self.conditions:
            quantity = condition.left.quantity
            found.setdefault(quantity.reference, (quantity, []))[1].append(condition)
        for condition in self.conditions:
            if isinstance(condition.right, Bound):
                quantity = condition.right.quantity
                found.setdefault(quantity.reference, (quantity, []))
        return found


def claim(statement: str) -> Callable[[ClaimTest], ClaimTest]:
    """Register a function that returns conditions as the test of a claim with this statement."""

    def decorate(test: ClaimTest) -> ClaimTest:
        setattr(test, _STATEMENT, statement)
        return test

    return decorate


def evaluate_claims(
    root: Path, remade: Mapping[str, Mapping[str, Metric]] | None = None
) -> dict[str, Claim]:
    """Return every claim of the project at `root` by name, evaluated on its stored results.

    `remade` has metrics, by run, that take the place of stored ones.

    A claim whose test looks up a missing result, or returns something else than conditions, does
    not hold; `Claim.error` says why. A project without `report/claims.py` has no claims.

    Raises:
        RunError: the file cannot be run.
    """
    stored = StoredQuantities(Results(root / "results", remade=remade or {}))
    return {
        name: _evaluated(name, test, stored) for name, test in sorted(_tests(root / FILE).items())
    }


def find_claim(claims: dict[str, Claim], name: str) -> Claim:
    """Return a claim by name; raise RunError, which suggests similar names, if there is none."""
    if name not in claims:
        raise RunError(f"there is no claim {name!r} in {FILE}{did_you_mean(name, claims)}")
    return claims[name]


def _tests(path: Path) -> dict[str, ClaimTest]:
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


def _evaluated(name: str, test: ClaimTest, stored: StoredQuantities) -> Claim:
    statement = str(getattr(test, _STATEMENT))
    words = " ".join((test.__doc__ or "").split())
    try:
        conditions = test(stored)
        if not isinstance(conditions, list) or not all(
            isinstance(condition, Condition) for condition in conditions
        ):
            raise RunError(f"{name!r} returned {conditions!r}; it must return a list of conditions")
        if not conditions:
            raise RunError(f"{name!r} returned no condition, so it tests nothing")
    except (RunError, TypeError) as problem:
        # TypeError: conditions that were combined.
        return Claim(name, statement, words, error=str(problem))
    return Claim(name, statement, words, tuple(conditions))
