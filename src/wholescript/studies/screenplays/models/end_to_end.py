"""End-to-end classifiers of screenplays: chunk encoder and aggregator trained together."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from wholescript.data.films.folds import Fold
from wholescript.errors import ParameterError
from wholescript.experiments.key import hash_json
from wholescript.features.encoder_config import encoder_tokenizer
from wholescript.features.token_chunks import (
    CHUNK_LENGTH,
    TokenChunks,
    cache_tokens,
    load_token_chunks,
)
from wholescript.files import CACHE
from wholescript.models.aggregators import AGGREGATORS
from wholescript.models.chunked_classifier import ChunkedClassifier
from wholescript.models.films.estimator import FilmDataset, FoldPredictions
from wholescript.models.films.extra_features import extract_extra_features, with_late_fusion
from wholescript.models.partial_finetuning import PartiallyFinetunedEncoder
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.models.types import IntArray
from wholescript.settings import PositiveInt, check_fields
from wholescript.studies.screenplays.models.inner_folds import Member, fit_ensemble, predict_member
from wholescript.studies.screenplays.models.pretraining import MLMConfig, pretrain_mlm
from wholescript.training.batches import TokenBatchLoader
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.memory_strategies import MemoryStrategy
from wholescript.training.objectives.films import EndToEndObjective
from wholescript.training.progress import progress_path

Encoder = Literal["scratch", "partially_finetuned"]


@dataclass
class EndToEndClassifier:
    """A chunk encoder and an aggregator, trained together on the texts.

    - Training steps use `n_train_chunks` random chunks of each film, others in every epoch;
      evaluation uses `n_eval_chunks` evenly spaced ones. None means all.
    - The first `n_members` of `n_inner_folds` inner folds each train a network, stopped early on
      the films of the fold; `fit_ensemble` explains the scores.
    - `memory_strategy` and `chunks_per_group` are settings of `EndToEndObjective`.
    - With `pretrain_config`, the encoder is first pretrained on the training scripts (MLM).
    - `encoder_options` and `aggregator_options` are arguments of encoder and aggregator;
      `extra_features` (names of `EXTRA_FEATURE_DIMS`) are added by late fusion.
    """

    name: str
    encoder: Encoder = "scratch"
    architecture: str = "gated_attention"
    chunk_length: PositiveInt = CHUNK_LENGTH
    n_train_chunks: PositiveInt | None = 16
    n_eval_chunks: PositiveInt | None = 32
    n_inner_folds: PositiveInt = 5
    n_members: PositiveInt = 1
    batch_size: PositiveInt = 8
    memory_strategy: MemoryStrategy = "grad_cache"
    chunks_per_group: PositiveInt = 64
    bfloat16: bool = True
    encoder_options: dict[str, Any] = field(default_factory=dict)
    aggregator_options: dict[str, Any] = field(default_factory=dict)
    extra_features: tuple[str, ...] = ()
    pretrain_config: MLMConfig | None = None
    train_config: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=6, learning_rate=5e-4, weight_decay=0.05, patience=2, chunk_dropout=0.0
        )
    )

    model: ClassVar[str] = "EndToEndClassifier"
    needs_texts: ClassVar[bool] = True
    cache: ClassVar[Path] = CACHE

    def __post_init__(self) -> None:
        """Check the names of encoder and aggregator; raises ParameterError."""
        check_fields(self)
        if self.architecture not in AGGREGATORS:
            raise ParameterError(
                f"architecture={self.architecture!r} is none of {', '.join(AGGREGATORS)}"
            )

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {"model": self.model, **asdict(self)}

    def build(self) -> ChunkedClassifier:
        """Return an untrained classifier; its weights depend on torch's random state."""
        encoder: ScratchEncoder | PartiallyFinetunedEncoder
        if self.encoder == "scratch":
            vocab_size = encoder_tokenizer().get_vocab_size()
            encoder = ScratchEncoder(vocab_size, **self.encoder_options)
        else:
            encoder = PartiallyFinetunedEncoder(**self.encoder_options)
        aggregator = AGGREGATORS[self.architecture](encoder.d_model, **self.aggregator_options)
        return ChunkedClassifier(encoder, with_late_fusion(aggregator, self.extra_features))

    def cache_inputs(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Tokenize scripts, given as (SHA-1 of the text, text), into the cache."""
        cache_tokens(scripts, total=total, cache=self.cache)

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Train on the inner folds of `train` and score `test`.

        Raises:
            DataError: the tokens of some films are not in the cache.
        """
        sha1s = dataset.films["text_sha1"].tolist()
        tokens = load_token_chunks(sha1s, self.chunk_length, cache=self.cache)
        encoder_state, pretrain_metrics = self._initial_encoder(tokens, train, seed)
        scores = fit_ensemble(
            partial(self._fit_member, tokens, dataset, test, encoder_state),
            dataset,
            train,
            test,
            n_inner_folds=self.n_inner_folds,
            n_members=self.n_members,
            seed=seed,
        )
        return replace(scores, chosen=scores.chosen | pretrain_metrics)

    def _initial_encoder(
        self, tokens: TokenChunks, train: IntArray, seed: int
    ) -> tuple[dict[str, Tensor], dict[str, float | int | str]]:
        """Return the encoder weights that all members start from, and the pretraining loss."""
        torch.manual_seed(seed)
        encoder = self.build().encoder
        metrics: dict[str, float | int | str] = {}
        if self.pretrain_config:
            assert isinstance(encoder, ScratchEncoder)
            result = pretrain_mlm(
                encoder, tokens, train, self.pretrain_config, seed=seed, progress=True
            )
            metrics["mlm_val_loss"] = result.history[result.best_epoch - 1]["val_loss"]
        return {name: value.clone() for name, value in encoder.state_dict().items()}, metrics

    def _fit_member(
        self,
        tokens: TokenChunks,
        dataset: FilmDataset,
        test: IntArray,
        encoder_state: dict[str, Tensor],
        fold: Fold,
        seed: int,
    ) -> Member:
        torch.manual_seed(seed)
        network = self.build()
        network.encoder.load_state_dict(encoder_state)
        train_loader, *eval_loaders = self.loaders(
            tokens, dataset, fold.train, fold.train, fold.test, test
        )
        objective = EndToEndObjective(self.memory_strategy, self.chunks_per_group, self.bfloat16)
        checkpoint = self._checkpoint(dataset, fold.train, seed)
        result = fit(
            network,
            train_loader,
            eval_loaders[0],
            self.train_config,
            seed=seed,
            objective=objective,
            checkpoint=checkpoint,
            progress=True,
        )
        checkpoint.unlink(missing_ok=True)
        progress_path(checkpoint).unlink(missing_ok=True)
        return predict_member(result, network, eval_loaders, objective)

    def loaders(
        self, tokens: TokenChunks, dataset: FilmDataset, train: IntArray, *subsets: IntArray
    ) -> list[TokenBatchLoader]:
        """Return a loader of each subset; extra features are fitted on `train`."""
        extra_features = (
            extract_extra_features(dataset, train, self.extra_features)
            if self.extra_features
            else None
        )
        return [
            TokenBatchLoader(
                tokens,
                dataset.labels,
                indices,
                self.batch_size,
                self.n_train_chunks,
                self.n_eval_chunks,
                extra_features,
            )
            for indices in subsets
        ]

    def _checkpoint(self, dataset: FilmDataset, train: IntArray, seed: int) -> Path:
        """Return the path of a member's checkpoint, named by all that decides its training."""
        films = dataset.films["text_sha1"].to_numpy()[train].tolist()
        key = hash_json([self.config, films, dataset.labels[train].tolist(), seed])
        return self.cache / "fits" / f"{key[:20]}.safetensors"
