"""Corrections of class imbalance for MIL classifiers: losses and resampling of training films."""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.class_weight import compute_class_weight

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.models.films.imbalance import (
    CLASS_BALANCED_BETA,
    FOCAL_GAMMA,
    SMOTE_NEIGHBORS,
    ImbalanceCorrection,
    check_correction,
    effective_number_weights,
)
from wholescript.models.films.mean_embedding import mean_chunk_embeddings
from wholescript.models.types import IntArray
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.losses import focal_loss, weighted_loss
from wholescript.training.objectives.base import LossFn


@dataclass
class ImbalanceMILClassifier(MILClassifier):
    """`MILClassifier` with a correction of class imbalance within the training films.

    The corrections are those of `models.films.imbalance`; SMOTE is `smote_sequences`. Early
    stopping monitors the corrected loss.
    """

    correction: ImbalanceCorrection = "uncorrected"
    gamma: float = FOCAL_GAMMA
    beta: float = CLASS_BALANCED_BETA

    model: ClassVar[str] = "ImbalanceMILClassifier"

    def __post_init__(self) -> None:
        """Check the correction; raises ParameterError."""
        check_correction(self.correction)

    @property
    def name(self) -> str:
        """The correction, as part of run names."""
        return check_correction(self.correction)

    def make_loss_fn(self, labels: NDArray[np.int8]) -> LossFn:
        """Return the loss, with class weights from these labels where the correction has them."""
        match self.correction:
            case "class weights":
                classes = np.array([0, 1])
                negative, positive = compute_class_weight("balanced", classes=classes, y=labels)
            case "class-balanced":
                negative, positive = effective_number_weights(labels, self.beta).values()
            case "focal loss":
                return partial(focal_loss, gamma=self.gamma)
            case _:
                return super().make_loss_fn(labels)
        return partial(weighted_loss, negative=float(negative), positive=float(positive))

    def resample(self, train_loader: ChunkBatchLoader, *, seed: int) -> ChunkBatchLoader:
        """Repeat or synthesise positive films until both classes have the same number."""
        labels = train_loader.labels[train_loader.indices]
        match self.correction:
            case "oversampling":
                sampler = RandomOverSampler(random_state=seed)
                indices, _ = sampler.fit_resample(train_loader.indices[:, None], labels)
                return replace(train_loader, indices=indices.ravel())
            case "SMOTE":
                positive = train_loader.indices[labels == 1]
                n_synthetic = len(labels) - 2 * len(positive)
                return smote_sequences(train_loader, positive, n_synthetic, seed=seed)
            case _:
                return train_loader


def smote_sequences(
    train_loader: ChunkBatchLoader, positive: IntArray, n_synthetic: int, *, seed: int
) -> ChunkBatchLoader:
    """Add `n_synthetic` films, interpolated between the films `positive` (SMOTE on sequences).

    A synthetic film has the length of one film. Each of its chunks is interpolated, with one weight
    for the film, towards the chunk at the same relative position of a neighbour: one of the
    `SMOTE_NEIGHBORS` nearest films by mean chunk embedding.
    """
    random = np.random.default_rng(seed)
    chunks = train_loader.chunks
    assert isinstance(chunks, ChunkEmbeddings)  # those of `MILClassifier`
    means = mean_chunk_embeddings(chunks)[positive, : train_loader.dimensions]
    nearest = NearestNeighbors(n_neighbors=min(SMOTE_NEIGHBORS + 1, len(positive))).fit(means)
    neighbours = nearest.kneighbors(means, return_distance=False)[:, 1:]
    codes = [chunks.codes]
    for number in random.integers(len(positive), size=n_synthetic):
        film, other = (
            chunks.codes[chunks.offsets[index] : chunks.offsets[index + 1]].astype(np.float32)
            for index in (positive[number], positive[random.choice(neighbours[number])])
        )
        matching = np.linspace(0, len(other) - 1, len(film)).round().astype(int)
        codes.append((film + random.random() * (other[matching] - film)).round().astype(np.int8))
    lengths = [len(film) for film in codes[1:]]
    offsets = np.append(chunks.offsets, chunks.offsets[-1] + np.cumsum(lengths, dtype=np.int64))
    synthetic = np.arange(n_synthetic) + len(train_loader.labels)
    return replace(
        train_loader,
        chunks=replace(chunks, codes=np.concatenate(codes), offsets=offsets),
        labels=np.concatenate([train_loader.labels, np.ones(n_synthetic, np.int8)]),
        indices=np.concatenate([train_loader.indices, synthetic]),
    )
