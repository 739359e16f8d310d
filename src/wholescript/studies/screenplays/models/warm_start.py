"""Fine-tuning of the pretrained encoder, from an aggregator that was trained on its vectors."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.data.films.folds import Fold
from wholescript.errors import ParameterError
from wholescript.features.frozen_states import (
    FrozenStates,
    FrozenVectors,
    cache_frozen_states,
    cache_frozen_vectors,
    load_frozen_states,
    load_frozen_vectors,
)
from wholescript.features.token_chunks import load_token_chunks
from wholescript.models.aggregators import AGGREGATORS
from wholescript.models.chunked_classifier import ChunkedClassifier
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.extra_features import with_late_fusion
from wholescript.models.partial_finetuning import UnfrozenLayers
from wholescript.models.projection import ProjectedAggregator
from wholescript.models.types import IntArray
from wholescript.settings import PositiveFloat, PositiveInt
from wholescript.studies.screenplays.models.end_to_end import Encoder, EndToEndClassifier
from wholescript.studies.screenplays.models.inner_folds import Member, predict_member
from wholescript.training.batches import ChunkBatchLoader, FilmChunks
from wholescript.training.checkpoint import load_trainable_state_dict, trainable_state_dict
from wholescript.training.loop import FitResult, HistoryRow, TrainConfig, fit
from wholescript.training.memory_strategies import MemoryStrategy
from wholescript.training.objectives.films import AggregatorObjective

VECTOR_BATCH_SIZE = 32  # films; that of `MILClassifier`


@dataclass
class WarmStartClassifier(EndToEndClassifier):
    """The first `n_layer` layers of MiniLM, of which the last `n_unfrozen` are trained.

    1. The frozen layers encode `n_eval_chunks` evenly spaced chunks of each film, once.
    2. Warm start: the aggregator is trained on the vectors of the frozen encoder, as
       `MILClassifier` is, by `warm_start_config`. It sees them in `dimensions` principal axes.
    3. Encoder and aggregator are trained together, on `n_train_chunks` random ones of those chunks
       in each step: the encoder with the learning rate of `train_config`, the aggregator with
       `aggregator_learning_rate`. Early stopping begins with the frozen encoder, epoch 0 of the
       history: its weights stay if no epoch has a lower validation loss.

    Without `finetune`, step 3 is left out: the same encoder, frozen, on the same chunks.
    """

    encoder: Encoder = "partially_finetuned"
    n_train_chunks: PositiveInt | None = 4
    n_eval_chunks: PositiveInt | None = 8
    memory_strategy: MemoryStrategy = "full_backprop"
    chunks_per_group: PositiveInt = 4
    bfloat16: bool = False  # else epoch 0 would differ from the frozen encoder by rounding
    n_layer: PositiveInt = 3
    n_unfrozen: PositiveInt = 1
    dimensions: PositiveInt = 64
    finetune: bool = True
    aggregator_learning_rate: PositiveFloat = 1e-4
    warm_start_config: TrainConfig = field(
        default_factory=lambda: TrainConfig(epochs=12, learning_rate=3e-3, patience=3)
    )
    train_config: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=15, learning_rate=5e-5, weight_decay=0.05, patience=1, chunk_dropout=0.0
        )
    )

    model: ClassVar[str] = "WarmStartClassifier"

    def __post_init__(self) -> None:
        """Check the settings; raises ParameterError."""
        super().__post_init__()
        if self.encoder != "partially_finetuned" or self.pretrain_config:
            raise ParameterError(
                f"encoder={self.encoder!r}: WarmStartClassifier fine-tunes a pretrained encoder, "
                "'partially_finetuned', without pretrain_config"
            )
        if self.n_eval_chunks is None:
            raise ParameterError("n_eval_chunks=None: give the number of chunks that are encoded")
        if not self.n_unfrozen < self.n_layer:
            raise ParameterError(
                f"n_unfrozen={self.n_unfrozen} must be below n_layer={self.n_layer}"
            )

    @property
    def _vectors_name(self) -> str:
        """The layers that make the vectors, as a part of the name of their cache."""
        return f"{self.n_layer}-layers-from-{self.n_layer - self.n_unfrozen}"

    def build(self) -> ChunkedClassifier:
        """Return an untrained classifier; its weights depend on torch's random state."""
        encoder = self._build_encoder()
        aggregator = AGGREGATORS[self.architecture](self.dimensions, **self.aggregator_options)
        fused = with_late_fusion(aggregator, self.extra_features)
        return ChunkedClassifier(
            encoder, ProjectedAggregator(fused, encoder.d_model, self.dimensions)
        )

    def _build_encoder(self) -> UnfrozenLayers:
        return UnfrozenLayers(self.n_layer, self.n_unfrozen)

    def cache_inputs(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Encode scripts, given as (SHA-1 of the text, text), into the cache."""
        sha1s: list[str] = []
        super().cache_inputs(_noting_sha1s(scripts, sha1s), total=total)
        tokens = load_token_chunks(sha1s, self.chunk_length, cache=self.cache)
        n_frozen, n_chunks = self.n_layer - self.n_unfrozen, cast(int, self.n_eval_chunks)
        cache_frozen_states(tokens, sha1s, n_frozen, n_chunks, cache=self.cache)
        states = load_frozen_states(tokens, sha1s, n_frozen, n_chunks, cache=self.cache)
        layers = self._build_encoder().eval()
        cache_frozen_vectors(states, sha1s, layers, self._vectors_name, cache=self.cache)

    def _load_tokens(self, dataset: FilmDataset) -> FrozenStates:
        sha1s = dataset.films["text_sha1"].tolist()
        tokens = load_token_chunks(sha1s, self.chunk_length, cache=self.cache)
        n_frozen, n_chunks = self.n_layer - self.n_unfrozen, cast(int, self.n_eval_chunks)
        return load_frozen_states(tokens, sha1s, n_frozen, n_chunks, cache=self.cache)

    def _fit_member(
        self,
        tokens: FilmChunks,
        dataset: FilmDataset,
        test: IntArray,
        encoder_state: dict[str, Tensor],
        fold: Fold,
        seed: int,
    ) -> Member:
        assert isinstance(tokens, FrozenStates)
        sha1s = dataset.films["text_sha1"].tolist()
        vectors = load_frozen_vectors(tokens, sha1s, self._vectors_name, cache=self.cache)
        torch.manual_seed(seed)
        network = self.build()
        network.encoder.load_state_dict(encoder_state)
        aggregator = cast(ProjectedAggregator, network.aggregator)
        aggregator.fit_axes(np.concatenate([vectors.films[film] for film in fold.train]))
        vector_loaders = self._vector_loaders(
            vectors, dataset, fold.train, fold.train, fold.test, test
        )
        train, val, _ = vector_loaders
        started = fit(aggregator, train, val, self.warm_start_config, seed=seed)
        if not self.finetune:
            return predict_member(started, aggregator, vector_loaders[1:], AggregatorObjective())
        start = _epoch_0(aggregator, train, val)
        loaders = self.loaders(tokens, dataset, fold.train, fold.train, fold.test, test)
        start_state = {name: v.clone() for name, v in trainable_state_dict(network).items()}
        checkpoint = self._checkpoint(dataset, fold.train, seed)
        result = self._train(network, loaders, checkpoint, seed, self._optimizer(network))
        history = [start, *result.history]
        best_epoch = self.train_config.best_epoch(history)
        if best_epoch == 0:
            load_trainable_state_dict(network, start_state)
        return predict_member(FitResult(history, best_epoch), network, loaders[1:], self._objective)

    def _optimizer(self, network: ChunkedClassifier) -> torch.optim.Optimizer:
        """Return AdamW with a learning rate for the encoder and one for the aggregator."""
        config = self.train_config
        groups: list[dict[str, Any]] = [
            {"params": list(network.encoder.parameters()), "lr": config.learning_rate},
            {"params": list(network.aggregator.parameters()), "lr": self.aggregator_learning_rate},
        ]
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)

    def _vector_loaders(
        self, vectors: FrozenVectors, dataset: FilmDataset, train: IntArray, *subsets: IntArray
    ) -> list[ChunkBatchLoader]:
        """Return a loader of the vectors of each subset; extra features are fitted on `train`."""
        make = partial(
            ChunkBatchLoader,
            vectors,
            dataset.labels,
            dimensions=UnfrozenLayers.d_model,
            embedding_std=1.0,
            batch_size=VECTOR_BATCH_SIZE,
            extra_features=self._extract_extra_features(dataset, train),
        )
        return [make(indices=indices) for indices in subsets]


def _epoch_0(
    aggregator: ProjectedAggregator, train: ChunkBatchLoader, val: ChunkBatchLoader
) -> HistoryRow:
    """Return the losses of the frozen encoder, both of all chunks and without dropout."""
    objective = AggregatorObjective()
    of_train, of_val = (
        objective.validation_step(aggregator, loader, binary_cross_entropy_with_logits)
        for loader in (train, val)
    )
    losses = {"train_loss": of_train["val_loss"], **of_val}
    return {
        "epoch": 0,
        **{name: round(value, 5) for name, value in losses.items()},
        "learning_rate": 0.0,
    }


def _noting_sha1s(
    scripts: Iterable[tuple[str, str]], sha1s: list[str]
) -> Iterator[tuple[str, str]]:
    for sha1, text in scripts:
        sha1s.append(sha1)
        yield sha1, text
