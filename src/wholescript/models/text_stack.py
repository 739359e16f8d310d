"""N-grams and frozen sentences in one classifier of texts: stacked, or side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from wholescript.errors import DataError
from wholescript.models.linear_map import (
    Candidate,
    Chosen,
    FloatArray,
    IntArray,
    LinearMap,
    as_columns,
    choose,
)
from wholescript.models.text_linear import SentenceLinear, TfidfSVM
from wholescript.models.text_model import ASIDE, Arrays, LinearTextModel, Note

Way = Literal["stacked", "together"]
MEMBERS = ("sparse", "dense")
INNER_FOLDS = 5


@dataclass(kw_only=True)
class SparseDenseStack(LinearTextModel):
    """N-grams and sentence embeddings in one classifier.

    There are two `ways`, and the one with the better macro-F1 on validation is kept. `stacked` is a
    logistic regression on the scores of both classifiers, each divided by its temperature
    (Wolpert, 1992): it learns on scores of training texts that were held out in one of 5 inner
    folds, or as many as the rarest class has texts. `together` is one SVM on the n-grams and the
    embeddings, these times one of `dense_weights`. `jobs` inner folds are fitted at once.
    """

    name: ClassVar[str] = "sparse-dense-stack"
    sparse: TfidfSVM = field(default_factory=TfidfSVM)
    dense: SentenceLinear = field(default_factory=SentenceLinear)
    ways: tuple[Way, ...] = ("stacked", "together")
    stacked_Cs: tuple[float, ...] = (0.01, 0.1, 1.0)
    together_Cs: tuple[float, ...] = (0.3, 1.0, 3.0)
    dense_weights: tuple[float, ...] = (1.0, 2.0, 4.0)
    jobs: int = field(default=1, repr=False, metadata=ASIDE)
    map: LinearMap = field(init=False, repr=False)

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
        found: list[tuple[Chosen, Way, float]] = []
        if "stacked" in self.ways:
            x, x_held = self._out_of_fold(texts, labels, seed), self._scores(held_texts)
            candidates = [Candidate("logistic", strength) for strength in self.stacked_Cs]
            found.append((choose(candidates, x, labels, x_held, held_labels, seed), "stacked", 0.0))
        if "together" in self.ways:
            candidates = [Candidate("svm", strength) for strength in self.together_Cs]
            both, both_held = self._both(texts), self._both(held_texts)
            for weight in self.dense_weights:
                x, x_held = together(*both, weight), together(*both_held, weight)
                best = choose(candidates, x, labels, x_held, held_labels, seed)
                found.append((best, "together", weight))
        best, way, weight = max(found, key=lambda each: each[0].macro_f1)
        self.map = best.map
        self.chosen = {**best.summary, "way": way, "dense_weight": weight}
        return self.decide(held_texts)

    def decide(self, texts: Sequence[str]) -> FloatArray:
        """Return the scores of the classes, (n, classes)."""
        if self.chosen["way"] == "stacked":
            return self.map(self._scores(texts))
        return self.map(together(*self._both(texts), self.chosen["dense_weight"]))

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
