"""Selection among film estimators on the inner folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sklearn.metrics import roc_auc_score

from wholescript.models.films.estimator import Estimator, FilmDataset, FoldPredictions
from wholescript.models.types import IntArray


@dataclass
class SelectedEstimator:
    """The candidate with the highest AUROC of its out-of-fold predictions; the first of equals.

    The AUROC is over all training films, which every candidate must have scored. Each outer fold
    selects again, so a model and its settings are chosen without any test film.
    """

    candidates: Sequence[Estimator]
    name: str = "selected"

    model: ClassVar[str] = "SelectedEstimator"

    @property
    def config(self) -> dict[str, Any]:
        """The configurations of the candidates, in order."""
        return {"model": self.model, "candidates": [c.config for c in self.candidates]}

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Fit all candidates; return the predictions of the selected one, with its name."""
        fitted = [c.fit_predict(dataset, train, test, seed=seed) for c in self.candidates]
        aucs = [float(roc_auc_score(dataset.labels[train], p.inner)) for p in fitted]
        best = aucs.index(max(aucs))
        chosen = {"estimator": self.candidates[best].name} | fitted[best].chosen
        return replace(fitted[best], chosen=chosen)
