"""N-grams and frozen sentences in one classifier of texts: stacked, or side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from scipy.special import log_softmax
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from wholescript.errors import DataError, ParameterError
from wholescript.models.documents.base import NOT_IN_CONFIG, Arrays, Metadata, SklearnClassifier
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.linear import SentenceLinear, TfidfSVM
from wholescript.models.sklearn_classifier import (
    DecisionFunction,
    FloatArray,
    IntArray,
    LinearDecisionFunction,
    LinearGridPoint,
    choose,
    macro_f1,
    to_two_columns,
)

EnsembleMethod = Literal["blended", "stacked", "together"]
ENSEMBLE_METHODS: tuple[EnsembleMethod, ...] = ("blended", "stacked", "together")
N_INNER_FOLDS = 5
BaseClassifier = TfidfSVM | SentenceLinear | SentenceKernel


@dataclass(frozen=True)
class EnsembleCandidate:
    """One way to join the classifiers: what it learnt, how well it does where held out.

    `chosen` says both, and how it was made, as JSON-able values.
    """

    decision_fn: DecisionFunction
    macro_f1: float
    chosen: dict[str, Any]


@dataclass(kw_only=True)
class SparseDenseEnsemble(SklearnClassifier):
    """N-grams and sentence embeddings in one classifier.

    There are three `methods`, and the one with the best macro-F1 on validation is kept. Two learn on
    the scores of the classifiers `sparse`, `dense` and `kernel` (None leaves it out), each divided
    by its temperature, for training texts that were held out in one of 5 inner folds, or in as many
    as the rarest class has texts (Wolpert, 1992): `stacked` is a logistic regression on all of
    them, `blended` their sum with one weight a classifier, which suits few texts. `concatenated` is one
    SVM on the n-grams and the embeddings, these times one of `dense_weights`. `n_jobs` inner folds
    are fitted at once.
    """

    name: ClassVar[str] = "sparse-dense-stack"
    sparse: TfidfSVM = field(default_factory=TfidfSVM)
    dense: SentenceLinear = field(default_factory=SentenceLinear)
    kernel: SentenceKernel | None = field(default_factory=SentenceKernel)
    methods: tuple[EnsembleMethod, ...] = ENSEMBLE_METHODS
    stacking_Cs: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1)
    concatenated_Cs: tuple[float, ...] = (0.3, 1.0)
    dense_weights: tuple[float, ...] = (1.0, 2.0, 4.0)
    n_jobs: int = field(default=1, repr=False, metadata=NOT_IN_CONFIG)
    decision_fn: DecisionFunction = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse ways that there are not."""
        if not self.methods or set(self.methods) - set(ENSEMBLE_METHODS):
            raise ParameterError(
                f"methods={self.methods}: choose among {', '.join(ENSEMBLE_METHODS)}"
            )

    @property
    def members(self) -> dict[str, BaseClassifier]:
        """The classifiers whose scores are joined, by the names of their fields."""
        members: dict[str, BaseClassifier] = {"sparse": self.sparse, "dense": self.dense}
        return members | ({"kernel": self.kernel} if self.kernel else {})

    def fit_scores(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes).

        Raises:
            DataError: a class has one text, which no inner fold can both learn and hold out.
        """
        for member in self.members.values():
            member.fit(texts, labels, val_texts, val_labels, seed=seed)
        tried = self._fit_methods(texts, labels, val_texts, val_labels, seed)
        best = max(tried, key=lambda candidate: candidate.macro_f1)
        self.decision_fn, self.chosen = best.decision_fn, best.chosen
        return self.decision_function(val_texts)

    def decision_function(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        if self.chosen["way"] == "together":
            return self.decision_fn(
                concatenated(*self._feature_pair(texts), self.chosen["dense_weight"])
            )
        return self.decision_fn(self._scores(texts))

    @property
    def parameters(self) -> dict[str, int]:
        """Those of the classifiers, the frozen encoder once, and of what joins them."""
        trained = self.decision_fn.size
        trained += sum(m.parameters["trained_parameters"] for m in self.members.values())
        frozen = self.dense.parameters["parameters"] - self.dense.parameters["trained_parameters"]
        return {"parameters": frozen + trained, "trained_parameters": trained}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return what was fitted, the members' under their names."""
        arrays, metadata = self.decision_fn.state_dict(), {}
        for name, member in self.members.items():
            theirs, metadata[name] = member.full_state_dict()
            arrays |= {f"{name}.{key}": value for key, value in theirs.items()}
        return arrays, metadata

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Take back what was fitted."""
        self.decision_fn = LinearDecisionFunction.from_state_dict(arrays)
        for name, member in self.members.items():
            theirs = {key: value for key, value in arrays.items() if key.startswith(f"{name}.")}
            unprefixed = {key.removeprefix(f"{name}."): value for key, value in theirs.items()}
            member.load_full_state_dict(unprefixed, metadata[name])

    def _fit_methods(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Iterator[EnsembleCandidate]:
        """Yield the best of each way."""
        if set(self.methods) & {"blended", "stacked"}:
            x, x_val = self._out_of_fold(texts, labels, seed), self._scores(val_texts)
        if "blended" in self.methods:
            candidate = fit_weighted_sum(x, labels)
            found = macro_f1(candidate(x_val), val_labels)
            yield EnsembleCandidate(
                candidate, found, {"way": "blended", "validation_macro_f1": found}
            )
        if "stacked" in self.methods:
            grid = [LinearGridPoint("logistic", C) for C in self.stacking_Cs]
            best = choose(grid, x, labels, x_val, val_labels, seed)
            yield EnsembleCandidate(
                best.decision_fn, best.macro_f1, {"way": "stacked", **best.best_params_}
            )
        if "together" in self.methods:
            grid = [LinearGridPoint("svm", C) for C in self.concatenated_Cs]
            both, both_held = self._feature_pair(texts), self._feature_pair(val_texts)
            for weight in self.dense_weights:
                concatenated_train, concatenated_val = (
                    concatenated(*both, weight),
                    concatenated(*both_held, weight),
                )
                best = choose(grid, concatenated_train, labels, concatenated_val, val_labels, seed)
                chosen = {"way": "together", "dense_weight": weight, **best.best_params_}
                yield EnsembleCandidate(best.decision_fn, best.macro_f1, chosen)

    def _feature_pair(self, texts: Sequence[str]) -> tuple[csr_matrix, FloatArray]:
        return self.sparse.ngrams.transform(texts), self.dense.inputs(texts)

    def _scores(self, texts: Sequence[str]) -> FloatArray:
        """Return the members' scores over their temperatures, (n, members times classes)."""
        members = self.members.values()
        return np.concatenate([m.decision_function(texts) / m.temperature for m in members], axis=1)

    def _out_of_fold(self, texts: Sequence[str], labels: IntArray, seed: int) -> FloatArray:
        """Return what `_scores` would say of each training text had it not learnt from it."""
        rarest = int(np.bincount(labels).min())
        if rarest < 2:
            raise DataError(
                f"a class has {rarest} training text, and stacking holds some out of each: add "
                "texts, or use methods=('together',)."
            )
        folds = StratifiedKFold(min(N_INNER_FOLDS, rarest), shuffle=True, random_state=seed)
        scores = []
        for member in self.members.values():
            held_out = cross_val_predict(
                member.estimator(seed),
                member.inputs(texts),
                labels,
                cv=folds,
                n_jobs=self.n_jobs,
                method="decision_function",
            )
            scores.append(to_two_columns(held_out) / member.temperature)
        return np.concatenate(scores, axis=1).astype(np.float32)


def concatenated(ngrams: csr_matrix, vectors: FloatArray, weight: float) -> csr_matrix:
    """Return both side by side, the vectors times a weight."""
    return hstack([ngrams, csr_matrix(weight * vectors)], format="csr", dtype=np.float32)


def fit_weighted_sum(scores: FloatArray, labels: IntArray) -> LinearDecisionFunction:
    """Return the weighted sum of the members' scores with the least log loss.

    `scores` (n, members times classes) hold one block of columns a member. Each member has one
    weight, whatever the class.
    """
    classes = int(labels.max()) + 1
    blocks = scores.astype(np.float64).reshape(len(scores), -1, classes)

    def log_loss(weights: NDArray[np.float64]) -> float:
        rows = log_softmax(np.einsum("nmc,m->nc", blocks, weights), axis=1)
        return -float(rows[np.arange(len(labels)), labels].mean())

    members = blocks.shape[1]
    found = minimize(log_loss, np.full(members, 1 / members), method="Nelder-Mead").x
    weights = np.kron(found[:, None], np.eye(classes))
    return LinearDecisionFunction(weights.astype(np.float32), np.zeros(classes, np.float32))
