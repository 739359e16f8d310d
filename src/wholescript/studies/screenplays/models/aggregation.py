"""Aggregators as estimators: trained on inner folds, averaged on the outer one."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.data.films.folds import Fold, inner_folds
from wholescript.features.bundle import ChunkEmbeddings
from wholescript.models.aggregators import GatedAttention, QueryDecoder, places
from wholescript.models.fusion import WIDTHS, fused, inputs_beside
from wholescript.models.mean_embedding import MeanPoolingLR
from wholescript.models.sequence import LinearAttention, TransformerEncoder
from wholescript.models.task import Estimator, FoldScores, Task
from wholescript.training.batches import FilmBatches
from wholescript.training.loop import TrainingSettings, fit
from wholescript.training.objectives import Loss, OnVectors, predict

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
ARCHITECTURES: dict[str, type[nn.Module]] = {
    "gated_attention": GatedAttention,
    "query_decoder": QueryDecoder,
    "transformer_encoder": TransformerEncoder,
    "linear_attention": LinearAttention,
}


@dataclass
class Aggregation:
    """An aggregator over frozen chunk embeddings.

    For each outer fold one model is trained per inner fold and stopped early on its held-out
    films; the test films get the mean of their probabilities, and every training film the one
    of the model that did not train on it. `inputs` of `models.fusion.WIDTHS` are read beside the
    chunks; `options` go to the architecture.

    A subclass may learn otherwise: from other outcomes (`outcomes`, `probabilities`, `way`), by
    another loss (`loss`), on other films (`drawn`).
    """

    architecture: Literal[
        "gated_attention", "query_decoder", "transformer_encoder", "linear_attention"
    ]
    dimensions: int = 64
    n_inner: int = 5
    batch_size: int = 32
    training: TrainingSettings = field(default_factory=TrainingSettings)
    options: dict[str, float | int] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()

    outputs: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """The architecture with its inputs, as a run is called."""
        beside = ["and", *self.inputs] if self.inputs else []
        return "-".join([*self.architecture.split("_"), *beside])

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {"model": type(self).__name__, **asdict(self)}

    def build(self) -> nn.Module:
        """Return an untrained aggregator; seed torch before."""
        options: dict[str, Any] = {**self.options}
        if self.outputs > 1:
            options["outputs"] = self.outputs
        aggregator = ARCHITECTURES[self.architecture](self.dimensions, **options)
        return fused(aggregator, self.inputs, self.outputs)

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Train on the inner folds of `train` and score `test`."""
        inner, test_scores = np.zeros(len(task.labels)), np.zeros(len(task.labels))
        history: list[dict[str, float | int]] = []
        epochs = []
        folds = inner_folds(task.labels, task.groups, train, n_folds=self.n_inner, seed=seed)
        for fold in folds:
            member_seed = int(np.random.SeedSequence([seed, fold.fold]).generate_state(1)[0])
            torch.manual_seed(member_seed)
            model = self.build()
            parts = (fold.train, fold.test, test)
            training, held_out, tested = self.batches(task, fold.train, *parts)
            loss = self.loss(task.labels[fold.train])
            training = self.drawn(training, seed=member_seed)
            result = fit(
                model,
                training,
                held_out,
                self.training,
                seed=member_seed,
                loss=loss,
                way=self.way(),
            )
            for batches, scores, share in ((held_out, inner, 1), (tested, test_scores, len(folds))):
                logits, _, rows = predict(model, batches)
                scores[rows] += self.probabilities(logits.astype(np.float64)) / share
            history += [{"inner": fold.fold, **row} for row in result.history]
            epochs.append(result.best_epoch)
        chosen: dict[str, float | int | str] = {"best_epochs": " ".join(map(str, epochs))}
        return FoldScores(inner[train], test_scores[test], chosen, history)

    def batches(self, task: Task, train: IntArray, *parts: IntArray) -> list[FilmBatches]:
        """Return the films of each part, scaled by the spread of the films `train`."""
        chunks = task.features.chunks
        first = np.concatenate([chunks.of(int(row), self.dimensions).ravel() for row in train[:64]])
        scale = float(first.std()) or 1.0
        beside = inputs_beside(task, train, self.inputs) if self.inputs else None
        outcomes = self.outcomes(task)
        return [
            FilmBatches(chunks, outcomes, rows, self.dimensions, scale, self.batch_size, beside)
            for rows in parts
        ]

    def outcomes(self, task: Task) -> NDArray[np.int8]:
        """Return what is learned of each film, (n,)."""
        return task.labels

    def loss(self, labels: NDArray[np.int8]) -> Loss:
        """Return the loss for training films with these labels."""
        return binary_cross_entropy_with_logits

    def drawn(self, training: FilmBatches, *, seed: int) -> FilmBatches:
        """Return what is trained on in place of the training films."""
        return training

    def way(self) -> OnVectors:
        """Return how the network reads films and is judged on those held out."""
        return OnVectors(self.training.chunk_dropout)

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Return P(positive) of each film, (n,)."""
        return np.asarray(expit(logits))


def aggregators(epochs: int, inner_folds: int) -> dict[str, Estimator]:
    """Return the aggregators of the report by name.

    `epochs` bounds the training of the neural ones, `inner_folds` is how many of them are
    averaged. Gated attention has no layer norm and bears the higher rate. Widths and rates were set
    by a few trials on part of the films that the report tests on: they are not a nested choice.
    """
    gated = TrainingSettings(epochs=min(12, epochs), learning_rate=3e-3, patience=3)
    decoder = TrainingSettings(epochs=min(10, epochs), learning_rate=1e-3, patience=3)
    return {
        "mean pooling": MeanPoolingLR(),
        "gated attention": Aggregation("gated_attention", n_inner=inner_folds, training=gated),
        "query decoder": Aggregation("query_decoder", n_inner=inner_folds, training=decoder),
    }


def mixing_aggregators(epochs: int, inner_folds: int) -> dict[str, Estimator]:
    """Return the aggregators whose chunks read each other, by name.

    A step takes three times as long as the query decoder's: they are fitted on fewer inner folds.
    """
    training = TrainingSettings(epochs=min(8, epochs), learning_rate=1e-3, patience=2)
    folds = min(3, inner_folds)
    return {
        "transformer encoder": Aggregation("transformer_encoder", n_inner=folds, training=training),
        "linear attention": Aggregation("linear_attention", n_inner=folds, training=training),
    }


def fusions(epochs: int, inner_folds: int) -> dict[str, Aggregation]:
    """Return gated attention with what is known of a film beside its chunks, by name."""
    plain = cast(Aggregation, aggregators(epochs, inner_folds)["gated attention"])
    return {
        "year and length": replace(plain, inputs=("year", "length")),
        "scene structure": replace(plain, inputs=("structure",)),
        "words": replace(plain, inputs=("words",)),
        "all of these": replace(plain, inputs=tuple(WIDTHS)),
    }


def parameter_count(models: dict[str, Estimator], chunks: ChunkEmbeddings) -> pd.DataFrame:
    """Return a row a model: what it reads of each chunk and how many numbers it learns."""
    rows = []
    for name, model in models.items():
        if isinstance(model, Aggregation):
            numbers = sum(p.numel() for p in model.build().parameters())
            rows.append((name, model.dimensions, numbers))
        else:
            width = chunks.codes.shape[1]
            rows.append((name, width, width + 1))
    table = pd.DataFrame(rows, columns=["model", "dimensions", "parameters"])
    return table.set_index("model")


def attention_profile(
    model: Estimator, task: Task, fold: Fold, *, bins: int = 20, seed: int = 0
) -> NDArray[np.float64]:
    """Train one member on `fold` and return where it looks, (bins,): 1 is an even spread.

    The script is cut into `bins` equal parts; a film's attention in a part is divided by the
    share of its chunks that lie there, and averaged over the test films.

    Raises TypeError for a model without attention.
    """
    if not isinstance(model, Aggregation):
        raise TypeError(f"{model.name} has no attention: only neural aggregators have")
    inner = inner_folds(task.labels, task.groups, fold.train, n_folds=model.n_inner, seed=seed)[0]
    torch.manual_seed(seed)
    network = model.build()
    parts = (inner.train, inner.test, fold.test)
    training, held_out, tested = model.batches(task, inner.train, *parts)
    fit(network, training, held_out, model.training, seed=seed)
    network.eval()
    weight, even = np.zeros(bins), np.zeros(bins)
    for batch in tested.by_length():
        with torch.inference_mode():
            attention = network(batch.chunks, batch.chunk_mask, *batch.beside).attention
        part = (places(batch.chunk_mask) * bins).long().clamp(max=bins - 1)
        share = batch.chunk_mask / batch.chunk_mask.sum(1, keepdim=True)
        inside = batch.chunk_mask.numpy()
        np.add.at(weight, part.numpy()[inside], attention.numpy()[inside])
        np.add.at(even, part.numpy()[inside], share.numpy()[inside])
    return weight / np.maximum(even, 1e-12)
