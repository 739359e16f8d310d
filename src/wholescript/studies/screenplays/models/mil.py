"""Multiple-instance learning on frozen chunk embeddings: pooling networks as estimators."""

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.data.films.folds import Fold
from wholescript.models.aggregators import AGGREGATORS, Architecture
from wholescript.models.films.estimator import FilmDataset, FoldPredictions
from wholescript.models.films.extra_features import extract_extra_features, with_late_fusion
from wholescript.models.types import Float64Array, IntArray
from wholescript.studies.screenplays.models.inner_folds import (
    Member,
    fit_ensemble,
    predict_member,
)
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.objectives.base import LossFn
from wholescript.training.objectives.films import AggregatorObjective

N_FILMS_FOR_STD = 64  # training films whose chunks give `embedding_std`


@dataclass
class MILClassifier:
    """An aggregator over frozen chunk embeddings, one network for each inner fold.

    Each network is stopped early on the films of its inner fold; `fit_ensemble` explains the
    scores. `dimensions` is the number of leading coordinates of the embeddings,
    `aggregator_options` are arguments of the aggregator, and `extra_features` (names of
    `EXTRA_FEATURE_DIMS`) are added by late fusion.

    Subclasses change the targets (`targets`, `probabilities`, `objective`), the loss
    (`make_loss_fn`) or the training films (`resample`).
    """

    architecture: Architecture
    dimensions: int = 64
    n_inner_folds: int = 5
    batch_size: int = 32
    train_config: TrainConfig = field(default_factory=TrainConfig)
    aggregator_options: dict[str, float | int] = field(default_factory=dict)
    extra_features: tuple[str, ...] = ()

    model: ClassVar[str] = "MILClassifier"
    n_outputs: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """The architecture with its extra features, as part of run names."""
        suffix = ["and", *self.extra_features] if self.extra_features else []
        return "-".join([*self.architecture.split("_"), *suffix])

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {"model": self.model, **asdict(self)}

    def build(self) -> nn.Module:
        """Return an untrained network; its weights depend on torch's random state."""
        options: dict[str, Any] = {**self.aggregator_options}
        if self.n_outputs > 1:
            options["n_outputs"] = self.n_outputs
        aggregator = AGGREGATORS[self.architecture](self.dimensions, **options)
        return with_late_fusion(aggregator, self.extra_features, self.n_outputs)

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Train on the inner folds of `train` and score `test`."""
        return fit_ensemble(
            partial(self._fit_member, dataset, test),
            dataset,
            train,
            test,
            n_inner_folds=self.n_inner_folds,
            n_members=self.n_inner_folds,
            seed=seed,
        )

    def _fit_member(self, dataset: FilmDataset, test: IntArray, fold: Fold, seed: int) -> Member:
        torch.manual_seed(seed)
        network = self.build()
        train_loader, *eval_loaders = self.loaders(dataset, fold.train, fold.train, fold.test, test)
        result = fit(
            network,
            self.resample(train_loader, seed=seed),
            eval_loaders[0],
            self.train_config,
            seed=seed,
            loss_fn=self.make_loss_fn(dataset.labels[fold.train]),
            objective=self.objective(),
        )
        return predict_member(result, network, eval_loaders, self.objective(), self.probabilities)

    def loaders(
        self, dataset: FilmDataset, train: IntArray, *subsets: IntArray
    ) -> list[ChunkBatchLoader]:
        """Return a loader of each subset; scale and extra features are fitted on `train`."""
        chunks = dataset.features.chunks
        values = [
            chunks.coordinates(int(film), self.dimensions).ravel()
            for film in train[:N_FILMS_FOR_STD]
        ]
        embedding_std = float(np.concatenate(values).std()) or 1.0
        extra_features = (
            extract_extra_features(dataset, train, self.extra_features)
            if self.extra_features
            else None
        )
        targets = self.targets(dataset)
        return [
            ChunkBatchLoader(
                chunks,
                targets,
                indices,
                self.dimensions,
                embedding_std,
                self.batch_size,
                extra_features,
            )
            for indices in subsets
        ]

    def targets(self, dataset: FilmDataset) -> NDArray[np.int8]:
        """Return the training target of each film, (n,)."""
        return dataset.labels

    def make_loss_fn(self, labels: NDArray[np.int8]) -> LossFn:
        """Return the loss for training films with these labels."""
        return binary_cross_entropy_with_logits

    def resample(self, train_loader: ChunkBatchLoader, *, seed: int) -> ChunkBatchLoader:
        """Return a loader of the resampled training films; here of the same films."""
        return train_loader

    def objective(self) -> AggregatorObjective:
        """Return the objective of the training loop."""
        return AggregatorObjective(self.train_config.chunk_dropout)

    def probabilities(self, logits: Float64Array) -> Float64Array:
        """Return P(positive) of each film, (n,)."""
        return np.asarray(expit(logits))
