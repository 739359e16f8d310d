"""An ensemble of TF-IDF and sentence-embedding classifiers: stacking or concatenated features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from annotated_types import MinLen
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from wholescript.errors import DataError
from wholescript.models.calibration import mean_log_loss
from wholescript.models.documents.grid_search import (
    DecisionFunction,
    LinearDecisionFunction,
    LinearGridPoint,
    grid_search,
    macro_f1,
    to_two_columns,
)
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.sentence_embeddings import SentenceLinear
from wholescript.models.documents.sklearn_classifier import (
    NOT_IN_CONFIG,
    Arrays,
    Metadata,
    SklearnClassifier,
)
from wholescript.models.documents.tfidf_svm import TfidfSVM
from wholescript.models.types import Float32Array, Float64Array, IntArray
from wholescript.settings import Grid, PositiveInt

EnsembleMethod = Literal["weighted_sum", "stacking", "concatenated"]
ENSEMBLE_METHODS: tuple[EnsembleMethod, ...] = get_args(EnsembleMethod)
N_INNER_FOLDS = 5
BaseClassifier = TfidfSVM | SentenceLinear | SentenceKernel


@dataclass(frozen=True)
class EnsembleCandidate:
    """A fitted ensemble with its macro-F1 on validation.

    `chosen` holds the method, its hyperparameters and the macro-F1, JSON-able.
    """

    decision_fn: DecisionFunction
    macro_f1: float
    chosen: dict[str, Any]


@dataclass(kw_only=True)
class SparseDenseEnsemble(SklearnClassifier):
    """Word and character n-grams and sentence embeddings in one classifier.

    Of the `methods`, the one with the best macro-F1 on validation is kept. `stacking` is a logistic
    regression on the logits of the members `sparse`, `dense` and `kernel` (optional);
    `weighted_sum` adds the logits with one weight per member. Both are fitted on out-of-fold logits
    of the training texts (Wolpert, 1992), divided by the member's temperature, from 5 inner folds,
    or as many as the rarest class has texts. `concatenated` is one SVM on the n-gram features and
    the embeddings, the latter multiplied by one of `dense_weights`. `n_jobs` inner folds are fitted
    in parallel.
    """

    name: ClassVar[str] = "sparse-dense-ensemble"
    model: ClassVar[str] = "SparseDenseEnsemble"
    sparse: TfidfSVM = field(default_factory=TfidfSVM)
    dense: SentenceLinear = field(default_factory=SentenceLinear)
    kernel: SentenceKernel | None = field(default_factory=SentenceKernel)
    methods: Annotated[tuple[EnsembleMethod, ...], MinLen(1)] = ENSEMBLE_METHODS
    """Ways to combine the scores, of which the best on validation is kept."""
    stacking_Cs: Grid = (0.003, 0.01, 0.03, 0.1)
    """Values of C of the stacking logistic regression; the best is kept."""
    concatenated_Cs: Grid = (0.3, 1.0)
    """Values of C of the SVM on concatenated features; the best is kept."""
    dense_weights: Grid = (1.0, 2.0, 4.0)
    """Values that embeddings are multiplied by in concatenated features; the best is kept."""
    n_jobs: PositiveInt = field(default=1, repr=False, metadata=NOT_IN_CONFIG)
    decision_fn: DecisionFunction = field(init=False, repr=False)

    @property
    def members(self) -> dict[str, BaseClassifier]:
        """The classifiers whose logits are combined, by the names of their fields."""
        members: dict[str, BaseClassifier] = {"sparse": self.sparse, "dense": self.dense}
        return members | ({"kernel": self.kernel} if self.kernel else {})

    def fit_uncalibrated(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Float32Array:
        """Fit, and return the logits of the validation texts, (n, n_classes).

        Raises:
            DataError: a class has one training text, too few for inner folds.
        """
        for member in self.members.values():
            member.fit(texts, labels, val_texts, val_labels, seed=seed)
        candidates = self._fit_methods(texts, labels, val_texts, val_labels, seed)
        best = max(candidates, key=lambda candidate: candidate.macro_f1)
        self.decision_fn, self.chosen = best.decision_fn, best.chosen
        return self.decision_function(val_texts)

    def decision_function(self, texts: Sequence[str]) -> Float32Array:
        """Return the logits, (n, n_classes)."""
        if self.chosen["method"] == "concatenated":
            features = concatenate_features(*self._features(texts), self.chosen["dense_weight"])
            return self.decision_fn(features)
        return self.decision_fn(self._logits(texts))

    @property
    def parameter_counts(self) -> dict[str, int]:
        """Those of the members, counting the frozen encoder once, and of their combination."""
        trained = self.decision_fn.n_parameters
        trained += sum(m.parameter_counts["trained_parameters"] for m in self.members.values())
        frozen = (
            self.dense.parameter_counts["parameters"]
            - self.dense.parameter_counts["trained_parameters"]
        )
        return {"parameters": frozen + trained, "trained_parameters": trained}

    def state_dict(self) -> tuple[Arrays, Metadata]:
        """Return the decision function, and the state of the members prefixed by their names."""
        arrays, metadata = self.decision_fn.state_dict(), {}
        for name, member in self.members.items():
            member_arrays, metadata[name] = member.full_state_dict()
            arrays |= {f"{name}.{key}": value for key, value in member_arrays.items()}
        return arrays, metadata

    def load_state_dict(self, arrays: Arrays, metadata: Metadata) -> None:
        """Restore the state returned by `state_dict`."""
        self.decision_fn = LinearDecisionFunction.from_state_dict(arrays)
        for name, member in self.members.items():
            prefix = f"{name}."
            own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            member.load_full_state_dict(own, metadata[name])

    def _fit_methods(
        self,
        texts: Sequence[str],
        labels: IntArray,
        val_texts: Sequence[str],
        val_labels: IntArray,
        seed: int,
    ) -> Iterator[EnsembleCandidate]:
        """Yield the best candidate of each method, and of each dense weight if concatenated."""
        if set(self.methods) & {"weighted_sum", "stacking"}:
            x, x_val = self._out_of_fold_logits(texts, labels, seed), self._logits(val_texts)
        if "weighted_sum" in self.methods:
            decision_fn = fit_weighted_sum(x, labels)
            score = macro_f1(decision_fn(x_val), val_labels)
            chosen = {"method": "weighted_sum", "validation_macro_f1": score}
            yield EnsembleCandidate(decision_fn, score, chosen)
        if "stacking" in self.methods:
            grid = [LinearGridPoint("logistic", C) for C in self.stacking_Cs]
            best = grid_search(grid, x, labels, x_val, val_labels, seed)
            chosen = {"method": "stacking", **best.best_params_}
            yield EnsembleCandidate(best.decision_fn, best.macro_f1, chosen)
        if "concatenated" in self.methods:
            grid = [LinearGridPoint("svm", C) for C in self.concatenated_Cs]
            train_features, val_features = self._features(texts), self._features(val_texts)
            for weight in self.dense_weights:
                both = concatenate_features(*train_features, weight)
                both_val = concatenate_features(*val_features, weight)
                best = grid_search(grid, both, labels, both_val, val_labels, seed)
                chosen = {"method": "concatenated", "dense_weight": weight, **best.best_params_}
                yield EnsembleCandidate(best.decision_fn, best.macro_f1, chosen)

    def _features(self, texts: Sequence[str]) -> tuple[csr_matrix, Float32Array]:
        """Return the n-gram features and the embeddings of the texts."""
        return self.sparse.feature_union.transform(texts), self.dense.features(texts)

    def _logits(self, texts: Sequence[str]) -> Float32Array:
        """Return the members' logits over their temperatures, (n, n_members * n_classes)."""
        members = self.members.values()
        return np.concatenate([m.decision_function(texts) / m.temperature for m in members], axis=1)

    def _out_of_fold_logits(
        self, texts: Sequence[str], labels: IntArray, seed: int
    ) -> Float32Array:
        """Return `_logits` of the training texts, each by members fitted without its inner fold."""
        rarest = int(np.bincount(labels).min())
        if rarest < 2:
            raise DataError(
                f"a class has {rarest} training text, and stacking needs at least 2 of each: add "
                "texts, or use methods=('concatenated',)"
            )
        folds = StratifiedKFold(min(N_INNER_FOLDS, rarest), shuffle=True, random_state=seed)
        logits = []
        for member in self.members.values():
            out_of_fold = cross_val_predict(
                member.estimator(seed),
                member.features(texts),
                labels,
                cv=folds,
                n_jobs=self.n_jobs,
                method="decision_function",
            )
            logits.append(to_two_columns(out_of_fold) / member.temperature)
        return np.concatenate(logits, axis=1).astype(np.float32)


def concatenate_features(
    ngram_features: csr_matrix, embeddings: Float32Array, weight: float
) -> csr_matrix:
    """Return n-gram features and `weight` times the embeddings, column-wise, csr."""
    parts = [ngram_features, csr_matrix(weight * embeddings)]
    return hstack(parts, format="csr", dtype=np.float32)


def fit_weighted_sum(logits: Float32Array, labels: IntArray) -> LinearDecisionFunction:
    """Return the weighted sum of the members' logits with the least log loss.

    `logits` (n, n_members * n_classes) has one block of columns per member. Each member has one
    weight for all classes.
    """
    n_classes = int(labels.max()) + 1
    blocks = logits.astype(np.float64).reshape(len(logits), -1, n_classes)

    def log_loss(weights: Float64Array) -> float:
        return mean_log_loss(np.einsum("nmc,m->nc", blocks, weights), labels)

    members = blocks.shape[1]
    found = minimize(log_loss, np.full(members, 1 / members), method="Nelder-Mead").x
    weights = np.kron(found[:, None], np.eye(n_classes))
    return LinearDecisionFunction(weights.astype(np.float32), np.zeros(n_classes, np.float32))
