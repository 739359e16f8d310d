"""Treatments of class imbalance on an aggregator: those of `models.imbalance`, a film a row."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.class_weight import compute_class_weight

from wholescript.models.imbalance import (
    CLASS_BALANCED_BETA,
    FOCAL_GAMMA,
    ImbalanceCorrection,
    check_correction,
    effective_number_weights,
)
from wholescript.models.mean_embedding import mean_chunk_embeddings
from wholescript.studies.screenplays.models.aggregation import IntArray, MILClassifier
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.losses import focal_loss, weighted_loss
from wholescript.training.objectives import LossFn

SMOTE_NEIGHBORS = 5  # of SMOTE, as its authors chose


@dataclass
class ImbalanceMILClassifier(MILClassifier):
    """`MILClassifier` with one treatment of imbalance, inside the films that a member trains on.

    Early stopping follows the treated loss. SMOTE interpolates whole films: see `smote_sequences`.
    """

    correction: ImbalanceCorrection = "plain"
    gamma: float = FOCAL_GAMMA
    beta: float = CLASS_BALANCED_BETA

    def __post_init__(self) -> None:
        """Check the treatment."""
        check_correction(self.correction)

    @property
    def name(self) -> str:
        """The treatment, as a run is called."""
        return check_correction(self.correction)

    def loss(self, labels: NDArray[np.int8]) -> LossFn:
        """Return the loss, with weights that even out these labels."""
        match self.correction:
            case "class weights":
                both = np.array([0, 1])
                negative, positive = compute_class_weight("balanced", classes=both, y=labels)
            case "class-balanced":
                negative, positive = effective_number_weights(labels, self.beta).values()
            case "focal loss":
                return partial(focal_loss, gamma=self.gamma)
            case _:
                return super().loss(labels)
        return partial(weighted_loss, negative=float(negative), positive=float(positive))

    def resample(self, training: ChunkBatchLoader, *, seed: int) -> ChunkBatchLoader:
        """Repeat or invent positive films until the classes are equal in number."""
        labels = training.labels[training.rows]
        match self.correction:
            case "oversampling":
                sampler = RandomOverSampler(random_state=seed)
                rows, _ = sampler.fit_resample(training.rows[:, None], labels)
                return replace(training, rows=rows.ravel())
            case "SMOTE":
                positive = training.rows[labels == 1]
                count = len(labels) - 2 * len(positive)
                return smote_sequences(training, positive, count, seed=seed)
            case _:
                return training


def smote_sequences(
    training: ChunkBatchLoader, rows: IntArray, count: int, *, seed: int
) -> ChunkBatchLoader:
    """Add `count` positive films between neighbours among the films `rows` (SMOTE, on sequences).

    A new film has the length of one of them; each of its chunks lies the same random way towards
    the chunk at the same place in the script of one of that film's `SMOTE_NEIGHBORS` nearest, by the
    mean of the chunks.
    """
    random = np.random.default_rng(seed)
    chunks = training.chunks
    means = mean_chunk_embeddings(chunks)[rows, : training.dimensions]
    nearest = NearestNeighbors(n_neighbors=min(SMOTE_NEIGHBORS + 1, len(rows))).fit(means)
    neighbours = nearest.kneighbors(means, return_distance=False)[:, 1:]
    codes = [chunks.codes]
    for number in random.integers(len(rows), size=count):
        film, other = (
            chunks.codes[chunks.offsets[row] : chunks.offsets[row + 1]].astype(np.float32)
            for row in (rows[number], rows[random.choice(neighbours[number])])
        )
        places = np.linspace(0, len(other) - 1, len(film)).round().astype(int)
        codes.append((film + random.random() * (other[places] - film)).round().astype(np.int8))
    lengths = [len(film) for film in codes[1:]]
    offsets = np.append(chunks.offsets, chunks.offsets[-1] + np.cumsum(lengths, dtype=np.int64))
    synthetic = np.arange(count) + len(training.labels)
    return replace(
        training,
        chunks=replace(chunks, codes=np.concatenate(codes), offsets=offsets),
        labels=np.concatenate([training.labels, np.ones(count, np.int8)]),
        rows=np.concatenate([training.rows, synthetic]),
    )
