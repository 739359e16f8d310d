"""Stacking of film estimators by gradient-boosted trees, with metadata beside their logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict

from wholescript.data.films.folds import inner_folds
from wholescript.models.films.estimator import Estimator, FilmDataset, FoldPredictions
from wholescript.models.films.logistic_regression import N_INNER_FOLDS, logit
from wholescript.models.types import IntArray


@dataclass
class BoostedStacking:
    """Gradient-boosted trees (Friedman, 2001) on the logits of members, film columns and layout.

    The trees are fitted on the members' out-of-fold logits of the training films and applied to
    their logits of the test films. `columns` are numbers of the film table; counts of the layout
    join them. The number of trees is chosen by the log loss of inner folds.
    """

    members: Sequence[Estimator]
    columns: tuple[str, ...] = ("year", "n_words")
    n_trees: tuple[int, ...] = (10, 20, 40, 80, 160)
    learning_rate: float = 0.05
    max_leaf_nodes: int = 4
    min_samples_leaf: int = 20
    name: str = "boosted-stacking"

    model: ClassVar[str] = "BoostedStacking"

    @property
    def config(self) -> dict[str, Any]:
        """The configurations of the members, in order, and all other fields but the name."""
        return {
            "model": self.model,
            "members": [member.config for member in self.members],
            "columns": list(self.columns),
            "n_trees": list(self.n_trees),
            "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.max_leaf_nodes,
            "min_samples_leaf": self.min_samples_leaf,
        }

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Fit the members, then the trees on their out-of-fold logits."""
        fitted = [m.fit_predict(dataset, train, test, seed=seed) for m in self.members]
        logits = np.zeros((len(dataset.labels), len(fitted)))
        logits[train] = np.column_stack([logit(member.inner) for member in fitted])
        logits[test] = np.column_stack([logit(member.test) for member in fitted])
        metadata = dataset.films[list(self.columns)].to_numpy(np.float64)
        x = np.hstack([logits, metadata, dataset.features.layout])
        y = dataset.labels[train]
        rows = np.full(len(dataset.labels), -1)
        rows[train] = np.arange(len(train))
        folds = inner_folds(dataset.labels, dataset.groups, train, n_folds=N_INNER_FOLDS, seed=seed)
        splits = [(rows[fold.train], rows[fold.test]) for fold in folds]
        trees = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            early_stopping=False,
            random_state=seed,
        )
        grid = {"max_iter": list(self.n_trees)}
        search = GridSearchCV(trees, grid, scoring="neg_log_loss", cv=splits).fit(x[train], y)
        best = search.best_estimator_
        inner = cross_val_predict(best, x[train], y, cv=splits, method="predict_proba")[:, 1]
        chosen: dict[str, float | int | str] = {
            "n_trees": int(search.best_params_["max_iter"]),
            "inner_log_loss": float(-search.best_score_),
        }
        return FoldPredictions(inner, best.predict_proba(x[test])[:, 1], chosen)
