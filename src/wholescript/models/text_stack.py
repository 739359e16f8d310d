"""N-grams and frozen sentences in one classifier of texts: stacked, or side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from scipy.special import log_softmax
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from wholescript.errors import DataError, ParameterError
from wholescript.models.linear_map import (
    Candidate,
    Chosen,
    FloatArray,
    IntArray,
    LinearMap,
    as_columns,
    choose,
    macro_f1,
)
from wholescript.models.text_linear import SentenceLinear, TfidfSVM
from wholescript.models.text_model import ASIDE, Arrays, LinearTextModel, Note

Way = Literal["blended", "stacked", "together"]
WAYS: tuple[Way, ...] = ("blended", "stacked", "together")
MEMBERS = ("sparse", "dense")
INNER_FOLDS = 5


@dataclass(kw_only=True)
class SparseDenseStack(LinearTextModel):
    """N-grams and sentence embeddings in one classifier.

    There are three `ways`, and the one with the best macro-F1 on validation is kept. Two learn on
    the scores of both classifiers, each divided by its temperature, for training texts that were
    held out in one of 5 inner folds, or in as many as the rarest class has texts (Wolpert, 1992):
    `stacked` is a logistic regression on all of them, `blended` the sum of both with one weight
    each, which suits few texts. `together` is one SVM on the n-grams and the embeddings, these
    times one of `dense_weights`. `jobs` inner folds are fitted at once.
    """

    name: ClassVar[str] = "sparse-dense-stack"
    sparse: TfidfSVM = field(default_factory=TfidfSVM)
    dense: SentenceLinear = field(default_factory=SentenceLinear)
    ways: tuple[Way, ...] = WAYS
    stacked_Cs: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1)
    together_Cs: tuple[float, ...] = (0.3, 1.0)
    dense_weights: tuple[float, ...] = (1.0, 2.0, 4.0)
    jobs: int = field(default=1, repr=False, metadata=ASIDE)
    map: LinearMap = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse ways that there are not."""
        if not self.ways or set(self.ways) - set(WAYS):
            raise ParameterError(f"ways={self.ways}: choose among {', '.join(WAYS)}")

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
        for member in (self.sparse, self.dense):
            member.fit(texts, labels, held_texts, held_labels, seed=seed)
        tried = self._tried(texts, labels, held_texts, held_labels, seed)
        best = max(tried, key=lambda chosen: chosen.macro_f1)
        self.map, self.chosen = best.map, best.summary
        return self.decide(held_texts)

    def decide(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        if self.chosen["way"] == "together":
            return self.map(together(*self._both(texts), self.chosen["dense_weight"]))
        return self.map(self._scores(texts))

    @property
    def parameters(self) -> dict[str, int]:
        """Those of both classifiers and of what joins them."""
        members = [member.parameters for member in (self.sparse, self.dense)]
        return {key: self.map.size + sum(m[key] for m in members) for key in members[0]}

    def state(self) -> tuple[Arrays, Note]:
        """Return what was fitted, the members' under their names."""
        arrays, note = self.map.state(), {}
        for name in MEMBERS:
            theirs, note[name] = getattr(self, name).packed()
            arrays |= {f"{name}.{key}": value for key, value in theirs.items()}
        return arrays, note

    def restore(self, arrays: Arrays, note: Note) -> None:
        """Take back what was fitted."""
        self.map = LinearMap.restored(arrays)
        for name in MEMBERS:
            theirs = {key: value for key, value in arrays.items() if key.startswith(f"{name}.")}
            unprefixed = {key.removeprefix(f"{name}."): value for key, value in theirs.items()}
            getattr(self, name).unpack(unprefixed, note[name])

    def _tried(
        self,
        texts: Sequence[str],
        labels: IntArray,
        held_texts: Sequence[str],
        held_labels: IntArray,
        seed: int,
    ) -> Iterator[Chosen]:
        """Yield the best of each way."""
        if set(self.ways) & {"blended", "stacked"}:
            x, x_held = self._out_of_fold(texts, labels, seed), self._scores(held_texts)
        if "blended" in self.ways:
            joined = blend(x, labels)
            yield Chosen(joined, macro_f1(joined(x_held), held_labels), {"way": "blended"})
        if "stacked" in self.ways:
            candidates = [Candidate("logistic", strength) for strength in self.stacked_Cs]
            best = choose(candidates, x, labels, x_held, held_labels, seed)
            yield replace(best, settings={"way": "stacked", **best.settings})
        if "together" in self.ways:
            candidates = [Candidate("svm", strength) for strength in self.together_Cs]
            both, both_held = self._both(texts), self._both(held_texts)
            for weight in self.dense_weights:
                beside, beside_held = together(*both, weight), together(*both_held, weight)
                best = choose(candidates, beside, labels, beside_held, held_labels, seed)
                settings = {"way": "together", "dense_weight": weight, **best.settings}
                yield replace(best, settings=settings)

    def _both(self, texts: Sequence[str]) -> tuple[csr_matrix, FloatArray]:
        return self.sparse.ngrams.transform(texts), self.dense.embed(texts)

    def _scores(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of both classifiers over their temperatures, (n, 2 classes)."""
        members = (self.sparse, self.dense)
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
        for member, x, steps in (
            (self.sparse, np.array(texts, dtype=object), [self.sparse.unfitted_ngrams()]),
            (self.dense, self.dense.embed(texts), []),
        ):
            estimator = make_pipeline(
                *steps, Candidate(member.chosen["kind"], member.chosen["C"]).estimator(seed)
            )
            held_out = cross_val_predict(
                estimator, x, labels, cv=folds, n_jobs=self.jobs, method="decision_function"
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
