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
from wholescript.models.fusion import EXTRA_FEATURE_DIMS, extract_extra_features, with_late_fusion
from wholescript.models.mean_embedding import MeanPoolingLR
from wholescript.models.sequence import LinearAttentionEncoder, TransformerEncoder
from wholescript.models.task import Estimator, FoldScores, Task
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.objectives import FrozenEncoderObjective, LossFn, predict_logits

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
AGGREGATORS: dict[str, type[nn.Module]] = {
    "gated_attention": GatedAttention,
    "query_decoder": QueryDecoder,
    "transformer_encoder": TransformerEncoder,
    "linear_attention": LinearAttentionEncoder,
}


@dataclass
class MILClassifier:
    """An aggregator over frozen chunk embeddings.

    For each outer fold one model is trained per inner fold and stopped early on its held-out
    films; the test films get the mean of their probabilities, and every training film the one
    of the model that did not train on it. `fusion_inputs` of `models.fusion.EXTRA_FEATURE_DIMS` are read beside the
    chunks; `aggregator_options` go to the architecture.

    A subclass may learn otherwise: from other outcomes (`targets`, `probabilities`, `objective`), by
    another loss (`loss`), on other films (`resample`).
    """

    architecture: Literal[
        "gated_attention", "query_decoder", "transformer_encoder", "linear_attention"
    ]
    dimensions: int = 64
    n_inner_folds: int = 5
    batch_size: int = 32
    training: TrainConfig = field(default_factory=TrainConfig)
    aggregator_options: dict[str, float | int] = field(default_factory=dict)
    fusion_inputs: tuple[str, ...] = ()

    n_outputs: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """The architecture with its inputs, as a run is called."""
        extra_features = ["and", *self.fusion_inputs] if self.fusion_inputs else []
        return "-".join([*self.architecture.split("_"), *extra_features])

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {"model": type(self).__name__, **asdict(self)}

    def build(self) -> nn.Module:
        """Return an untrained aggregator; seed torch before."""
        aggregator_options: dict[str, Any] = {**self.aggregator_options}
        if self.n_outputs > 1:
            aggregator_options["outputs"] = self.n_outputs
        aggregator = AGGREGATORS[self.architecture](self.dimensions, **aggregator_options)
        return with_late_fusion(aggregator, self.fusion_inputs, self.n_outputs)

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Train on the inner folds of `train` and score `test`."""
        inner, test_scores = np.zeros(len(task.labels)), np.zeros(len(task.labels))
        history: list[dict[str, float | int]] = []
        epochs = []
        folds = inner_folds(task.labels, task.groups, train, n_folds=self.n_inner_folds, seed=seed)
        for fold in folds:
            member_seed = int(np.random.SeedSequence([seed, fold.fold]).generate_state(1)[0])
            torch.manual_seed(member_seed)
            model = self.build()
            parts = (fold.train, fold.test, test)
            training, val_loader, tested = self.batches(task, fold.train, *parts)
            loss = self.loss(task.labels[fold.train])
            training = self.resample(training, seed=member_seed)
            result = fit(
                model,
                training,
                val_loader,
                self.training,
                seed=member_seed,
                loss=loss,
                objective=self.objective(),
            )
            for batches, scores, share in (
                (val_loader, inner, 1),
                (tested, test_scores, len(folds)),
            ):
                logits, _, rows = predict_logits(model, batches)
                scores[rows] += self.probabilities(logits.astype(np.float64)) / share
            history += [{"inner": fold.fold, **row} for row in result.history]
            epochs.append(result.best_epoch)
        chosen: dict[str, float | int | str] = {"best_epochs": " ".join(map(str, epochs))}
        return FoldScores(inner[train], test_scores[test], chosen, history)

    def batches(self, task: Task, train: IntArray, *parts: IntArray) -> list[ChunkBatchLoader]:
        """Return the films of each part, scaled by the spread of the films `train`."""
        chunks = task.features.chunks
        first = np.concatenate([chunks.of(int(row), self.dimensions).ravel() for row in train[:64]])
        scale = float(first.std()) or 1.0
        extra_features = (
            extract_extra_features(task, train, self.fusion_inputs) if self.fusion_inputs else None
        )
        targets = self.targets(task)
        return [
            ChunkBatchLoader(
                chunks, targets, rows, self.dimensions, scale, self.batch_size, extra_features
            )
            for rows in parts
        ]

    def targets(self, task: Task) -> NDArray[np.int8]:
        """Return what is learned of each film, (n,)."""
        return task.labels

    def loss(self, labels: NDArray[np.int8]) -> LossFn:
        """Return the loss for training films with these labels."""
        return binary_cross_entropy_with_logits

    def resample(self, training: ChunkBatchLoader, *, seed: int) -> ChunkBatchLoader:
        """Return what is trained on in place of the training films."""
        return training

    def objective(self) -> FrozenEncoderObjective:
        """Return how the network reads films and is judged on those held out."""
        return FrozenEncoderObjective(self.training.chunk_dropout)

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Return P(positive) of each film, (n,)."""
        return np.asarray(expit(logits))


def aggregators(epochs: int, inner_folds: int) -> dict[str, Estimator]:
    """Return the aggregators of the report by name.

    `epochs` bounds the training of the neural ones, `inner_folds` is how many of them are
    averaged. Gated attention has no layer norm and bears the higher rate. Widths and rates were set
    by a few trials on part of the films that the report tests on: they are not a nested choice.
    """
    gated = TrainConfig(epochs=min(12, epochs), learning_rate=3e-3, patience=3)
    decoder = TrainConfig(epochs=min(10, epochs), learning_rate=1e-3, patience=3)
    return {
        "mean pooling": MeanPoolingLR(),
        "gated attention": MILClassifier(
            "gated_attention", n_inner_folds=inner_folds, training=gated
        ),
        "query decoder": MILClassifier(
            "query_decoder", n_inner_folds=inner_folds, training=decoder
        ),
    }


def contextual_aggregators(epochs: int, inner_folds: int) -> dict[str, Estimator]:
    """Return the aggregators whose chunks read each other, by name.

    A step takes three times as long as the query decoder's: they are fitted on fewer inner folds.
    """
    training = TrainConfig(epochs=min(8, epochs), learning_rate=1e-3, patience=2)
    folds = min(3, inner_folds)
    return {
        "transformer encoder": MILClassifier(
            "transformer_encoder", n_inner_folds=folds, training=training
        ),
        "linear attention": MILClassifier(
            "linear_attention", n_inner_folds=folds, training=training
        ),
    }


def late_fusion_models(epochs: int, inner_folds: int) -> dict[str, MILClassifier]:
    """Return gated attention with what is known of a film beside its chunks, by name."""
    base = cast(MILClassifier, aggregators(epochs, inner_folds)["gated attention"])
    return {
        "year and length": replace(base, fusion_inputs=("year", "length")),
        "scene structure": replace(base, fusion_inputs=("structure",)),
        "words": replace(base, fusion_inputs=("words",)),
        "all of these": replace(base, fusion_inputs=tuple(EXTRA_FEATURE_DIMS)),
    }


def parameter_count(models: dict[str, Estimator], chunks: ChunkEmbeddings) -> pd.DataFrame:
    """Return a row a model: what it reads of each chunk and how many numbers it learns."""
    rows = []
    for name, model in models.items():
        if isinstance(model, MILClassifier):
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
    if not isinstance(model, MILClassifier):
        raise TypeError(f"{model.name} has no attention: only neural aggregators have")
    inner = inner_folds(
        task.labels, task.groups, fold.train, n_folds=model.n_inner_folds, seed=seed
    )[0]
    torch.manual_seed(seed)
    network = model.build()
    parts = (inner.train, inner.test, fold.test)
    training, val_loader, tested = model.batches(task, inner.train, *parts)
    fit(network, training, val_loader, model.training, seed=seed)
    network.eval()
    weight, even = np.zeros(bins), np.zeros(bins)
    for batch in tested.eval_batches():
        with torch.inference_mode():
            attention = network(batch.chunks, batch.chunk_mask, *batch.extra_features).attention
        part = (places(batch.chunk_mask) * bins).long().clamp(max=bins - 1)
        share = batch.chunk_mask / batch.chunk_mask.sum(1, keepdim=True)
        inside = batch.chunk_mask.numpy()
        np.add.at(weight, part.numpy()[inside], attention.numpy()[inside])
        np.add.at(even, part.numpy()[inside], share.numpy()[inside])
    return weight / np.maximum(even, 1e-12)
