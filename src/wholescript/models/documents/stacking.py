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
from wholescript.models.documents.base import ASIDE, Arrays, Note, ShallowTextModel
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.linear import SentenceLinear, TfidfSVM
from wholescript.models.sklearn_classifier import (
    FloatArray,
    IntArray,
    LinearCandidate,
    LinearMap,
    ScoreMap,
    as_columns,
    choose,
    macro_f1,
)

Way = Literal["blended", "stacked", "together"]
WAYS: tuple[Way, ...] = ("blended", "stacked", "together")
INNER_FOLDS = 5
Member = TfidfSVM | SentenceLinear | SentenceKernel


@dataclass(frozen=True)
class Joined:
    """One way to join the classifiers: what it learnt, how well it does where held out.

    `chosen` says both, and how it was made, as JSON-able values.
    """

    map: ScoreMap
    macro_f1: float
    chosen: dict[str, Any]


@dataclass(kw_only=True)
class SparseDenseStack(ShallowTextModel):
    """N-grams and sentence embeddings in one classifier.

    There are three `ways`, and the one with the best macro-F1 on validation is kept. Two learn on
    the scores of the classifiers `sparse`, `dense` and `kernel` (None leaves it out), each divided
    by its temperature, for training texts that were held out in one of 5 inner folds, or in as many
    as the rarest class has texts (Wolpert, 1992): `stacked` is a logistic regression on all of
    them, `blended` their sum with one weight a classifier, which suits few texts. `together` is one
    SVM on the n-grams and the embeddings, these times one of `dense_weights`. `jobs` inner folds
    are fitted at once.
    """

    name: ClassVar[str] = "sparse-dense-stack"
    sparse: TfidfSVM = field(default_factory=TfidfSVM)
    dense: SentenceLinear = field(default_factory=SentenceLinear)
    kernel: SentenceKernel | None = field(default_factory=SentenceKernel)
    ways: tuple[Way, ...] = WAYS
    stacked_Cs: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1)
    together_Cs: tuple[float, ...] = (0.3, 1.0)
    dense_weights: tuple[float, ...] = (1.0, 2.0, 4.0)
    jobs: int = field(default=1, repr=False, metadata=ASIDE)
    map: ScoreMap = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse ways that there are not."""
        if not self.ways or set(self.ways) - set(WAYS):
            raise ParameterError(f"ways={self.ways}: choose among {', '.join(WAYS)}")

    @property
    def members(self) -> dict[str, Member]:
        """The classifiers whose scores are joined, by the names of their fields."""
        members: dict[str, Member] = {"sparse": self.sparse, "dense": self.dense}
        return members | ({"kernel": self.kernel} if self.kernel else {})

    def learn(
        self,
        texts: Sequence[str],
        labels: IntArray,
        held_texts: Sequence[str],
        held_labels: IntArray,
        seed: int,
    ) -> FloatArray:
        """Fit, and return the scores of the held-out texts, (n, classes).

        Raises:
            DataError: a class has one text, which no inner fold can both learn and hold out.
        """
        for member in self.members.values():
            member.fit(texts, labels, held_texts, held_labels, seed=seed)
        tried = self._tried(texts, labels, held_texts, held_labels, seed)
        best = max(tried, key=lambda joined: joined.macro_f1)
        self.map, self.chosen = best.map, best.chosen
        return self.decide(held_texts)

    def decide(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        if self.chosen["way"] == "together":
            return self.map(together(*self._both(texts), self.chosen["dense_weight"]))
        return self.map(self._scores(texts))

    @property
    def parameters(self) -> dict[str, int]:
        """Those of the classifiers, the frozen encoder once, and of what joins them."""
        trained = self.map.size
        trained += sum(m.parameters["trained_parameters"] for m in self.members.values())
        frozen = self.dense.parameters["parameters"] - self.dense.parameters["trained_parameters"]
        return {"parameters": frozen + trained, "trained_parameters": trained}

    def state(self) -> tuple[Arrays, Note]:
        """Return what was fitted, the members' under their names."""
        arrays, note = self.map.state(), {}
        for name, member in self.members.items():
            theirs, note[name] = member.packed()
            arrays |= {f"{name}.{key}": value for key, value in theirs.items()}
        return arrays, note

    def restore(self, arrays: Arrays, note: Note) -> None:
        """Take back what was fitted."""
        self.map = LinearMap.restored(arrays)
        for name, member in self.members.items():
            theirs = {key: value for key, value in arrays.items() if key.startswith(f"{name}.")}
            unprefixed = {key.removeprefix(f"{name}."): value for key, value in theirs.items()}
            member.unpack(unprefixed, note[name])

    def _tried(
        self,
        texts: Sequence[str],
        labels: IntArray,
        held_texts: Sequence[str],
        held_labels: IntArray,
        seed: int,
    ) -> Iterator[Joined]:
        """Yield the best of each way."""
        if set(self.ways) & {"blended", "stacked"}:
            x, x_held = self._out_of_fold(texts, labels, seed), self._scores(held_texts)
        if "blended" in self.ways:
            joined = blend(x, labels)
            found = macro_f1(joined(x_held), held_labels)
            yield Joined(joined, found, {"way": "blended", "validation_macro_f1": found})
        if "stacked" in self.ways:
            candidates = [LinearCandidate("logistic", strength) for strength in self.stacked_Cs]
            best = choose(candidates, x, labels, x_held, held_labels, seed)
            yield Joined(best.map, best.macro_f1, {"way": "stacked", **best.summary})
        if "together" in self.ways:
            candidates = [LinearCandidate("svm", strength) for strength in self.together_Cs]
            both, both_held = self._both(texts), self._both(held_texts)
            for weight in self.dense_weights:
                beside, beside_held = together(*both, weight), together(*both_held, weight)
                best = choose(candidates, beside, labels, beside_held, held_labels, seed)
                chosen = {"way": "together", "dense_weight": weight, **best.summary}
                yield Joined(best.map, best.macro_f1, chosen)

    def _both(self, texts: Sequence[str]) -> tuple[csr_matrix, FloatArray]:
        return self.sparse.ngrams.transform(texts), self.dense.inputs(texts)

    def _scores(self, texts: Sequence[str]) -> FloatArray:
        """Return the members' scores over their temperatures, (n, members times classes)."""
        members = self.members.values()
        return np.concatenate([m.decide(texts) / m.temperature for m in members], axis=1)

    def _out_of_fold(self, texts: Sequence[str], labels: IntArray, seed: int) -> FloatArray:
        """Return what `_scores` would say of each training text had it not learnt from it."""
        rarest = int(np.bincount(labels).min())
        if rarest < 2:
            raise DataError(
                f"a class has {rarest} training text, and stacking holds some out of each: add "
                "texts, or use ways=('together',)."
            )
        folds = StratifiedKFold(min(INNER_FOLDS, rarest), shuffle=True, random_state=seed)
        scores = []
        for member in self.members.values():
            held_out = cross_val_predict(
                member.estimator(seed),
                member.inputs(texts),
                labels,
                cv=folds,
                n_jobs=self.jobs,
                method="decision_function",
            )
            scores.append(as_columns(held_out) / member.temperature)
        return np.concatenate(scores, axis=1).astype(np.float32)


def together(ngrams: csr_matrix, vectors: FloatArray, weight: float) -> csr_matrix:
    """Return both side by side, the vectors times a weight."""
    return hstack([ngrams, csr_matrix(weight * vectors)], format="csr", dtype=np.float32)


def blend(scores: FloatArray, labels: IntArray) -> LinearMap:
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
    return LinearMap(weights.astype(np.float32), np.zeros(classes, np.float32))
