"""End-to-end classifiers of screenplays: chunk encoder and aggregator trained together."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from wholescript.data.films.folds import Fold
from wholescript.errors import ParameterError
from wholescript.experiments.key import hash_json
from wholescript.features.encoder_config import encoder_tokenizer, special_token_ids
from wholescript.features.pretrained_models import max_tokens, shown_name
from wholescript.features.pretrained_tokens import (
    cache_pretrained_tokens,
    load_pretrained_token_chunks,
)
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
from wholescript.models.long_context import (
    LongContextEncoder,
    longformer,
    mamba2,
    pretrained_encoder,
)
from wholescript.models.optional_settings import OMIT_AT_DEFAULT, is_omitted
from wholescript.models.partial_finetuning import PartiallyFinetunedEncoder, UnfrozenLayers
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.models.types import Float32Array, IntArray
from wholescript.settings import PositiveInt, check_fields
from wholescript.studies.screenplays.models.inner_folds import Member, fit_ensemble, predict_member
from wholescript.studies.screenplays.models.pretraining import MLMConfig, pretrain_mlm
from wholescript.training.batches import FilmChunks, TokenBatchLoader
from wholescript.training.loop import FitResult, TrainConfig, fit
from wholescript.training.memory_strategies import MemoryStrategy
from wholescript.training.objectives.films import EndToEndObjective
from wholescript.training.progress import progress_path

Encoder = Literal["scratch", "partially_finetuned", "longformer", "mamba2", "pretrained"]
ChunkEncoder = ScratchEncoder | PartiallyFinetunedEncoder | UnfrozenLayers | LongContextEncoder
N_SPECIAL_TOKENS = 2  # before and after each chunk


@dataclass
class EndToEndClassifier:
    """A chunk encoder and an aggregator, trained together on the texts.

    - `encoder`: a transformer from scratch, the partially fine-tuned MiniLM, `longformer` or
      `mamba2` from scratch, or `pretrained`, a model of transformers that `encoder_options` name
      (`name`: on the hub, or a folder) with its own tokenizer. Longformer, Mamba-2 and many
      pretrained ones take a whole script as one chunk: a `chunk_length` above its length.
    - Training steps use `n_train_chunks` random chunks of each film, others in every epoch;
      evaluation uses `n_eval_chunks` evenly spaced ones. None means all.
    - The first `n_members` of `n_inner_folds` inner folds each train a network, stopped early on
      the films of the fold; `fit_ensemble` explains the scores.
    - `memory_strategy` and `chunks_per_group` are settings of `EndToEndObjective`.
    - With `pretrain_config`, the encoder is first pretrained on the training scripts (MLM).
    - `encoder_options` and `aggregator_options` are arguments of encoder and aggregator;
      `extra_features` (names of `EXTRA_FEATURE_DIMS`) are added by late fusion.
    - `encoder_version` is the `pretrained_version` of a pretrained encoder: the commit that is
      loaded, or the hash of a folder.
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
    encoder_version: str | None = field(default=None, metadata=OMIT_AT_DEFAULT)

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
        if self.encoder == "pretrained" and not self.encoder_options.get("name"):
            raise ParameterError(
                "encoder='pretrained' needs encoder_options={'name': ...}: a name on the hub, such "
                "as allenai/longformer-base-4096, or a folder written by save_pretrained"
            )

    @property
    def config(self) -> dict[str, Any]:
        """All fields, without those left out at their default; a folder by its name only."""
        values = asdict(self)
        for setting in fields(self):
            if is_omitted(setting, values[setting.name]):
                del values[setting.name]
        if self.encoder_version:
            values["encoder_options"]["name"] = shown_name(self.encoder_options["name"])
        return {"model": self.model, **values}

    def build(self) -> ChunkedClassifier:
        """Return an untrained classifier; its weights depend on torch's random state."""
        encoder = self._build_encoder()
        aggregator = AGGREGATORS[self.architecture](encoder.d_model, **self.aggregator_options)
        return ChunkedClassifier(encoder, with_late_fusion(aggregator, self.extra_features))

    def _build_encoder(self) -> ChunkEncoder:
        options = self.encoder_options
        if self.encoder == "partially_finetuned":
            return PartiallyFinetunedEncoder(**options)
        if self.encoder == "pretrained":
            return self._check_positions(pretrained_encoder(**options, revision=self._revision))
        vocab_size = encoder_tokenizer().get_vocab_size()
        if self.encoder == "scratch":
            return ScratchEncoder(vocab_size, **options)
        pad_token_id = special_token_ids()[-1]
        if self.encoder == "mamba2":
            return LongContextEncoder(mamba2(vocab_size, pad_token_id=pad_token_id, **options))
        n_tokens = self.chunk_length + N_SPECIAL_TOKENS
        return LongContextEncoder(
            longformer(vocab_size, pad_token_id=pad_token_id, max_tokens=n_tokens, **options)
        )

    @property
    def _revision(self) -> str | None:
        """The commit of the encoder on the hub; None: the main branch, or a folder."""
        is_folder = Path(self.encoder_options["name"]).is_dir()
        return None if is_folder else self.encoder_version

    def _check_positions(self, encoder: LongContextEncoder) -> LongContextEncoder:
        n_tokens = max_tokens(encoder.backbone)
        if n_tokens is not None and self.chunk_length + N_SPECIAL_TOKENS > n_tokens:
            raise ParameterError(
                f"chunk_length={self.chunk_length}: {self.encoder_options['name']} has positions "
                f"for {n_tokens} tokens, {N_SPECIAL_TOKENS} of them special: set chunk_length to "
                f"{n_tokens - N_SPECIAL_TOKENS} or less"
            )
        return encoder

    def cache_inputs(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Tokenize scripts, given as (SHA-1 of the text, text), into the cache."""
        if self.encoder == "pretrained":
            name = self.encoder_options["name"]
            cache_pretrained_tokens(
                scripts, name, revision=self._revision, total=total, cache=self.cache
            )
        else:
            cache_tokens(scripts, total=total, cache=self.cache)

    def _load_tokens(self, dataset: FilmDataset) -> FilmChunks:
        sha1s = dataset.films["text_sha1"].tolist()
        if self.encoder == "pretrained":
            name = self.encoder_options["name"]
            return load_pretrained_token_chunks(
                sha1s, name, self.chunk_length, revision=self._revision, cache=self.cache
            )
        return load_token_chunks(sha1s, self.chunk_length, cache=self.cache)

    def fit_predict(
        self, dataset: FilmDataset, train: IntArray, test: IntArray, *, seed: int
    ) -> FoldPredictions:
        """Train on the inner folds of `train` and score `test`.

        Raises:
            DataError: the tokens of some films are not in the cache.
        """
        tokens = self._load_tokens(dataset)
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
        self, tokens: FilmChunks, train: IntArray, seed: int
    ) -> tuple[dict[str, Tensor], dict[str, float | int | str]]:
        """Return the encoder weights that all members start from, and the pretraining loss."""
        torch.manual_seed(seed)
        encoder = self.build().encoder
        metrics: dict[str, float | int | str] = {}
        if self.pretrain_config:
            assert isinstance(encoder, ScratchEncoder) and isinstance(tokens, TokenChunks)
            result = pretrain_mlm(
                encoder, tokens, train, self.pretrain_config, seed=seed, progress=True
            )
            metrics["mlm_val_loss"] = result.history[result.best_epoch - 1]["val_loss"]
        return {name: value.clone() for name, value in encoder.state_dict().items()}, metrics

    def _fit_member(
        self,
        tokens: FilmChunks,
        dataset: FilmDataset,
        test: IntArray,
        encoder_state: dict[str, Tensor],
        fold: Fold,
        seed: int,
    ) -> Member:
        torch.manual_seed(seed)
        network = self.build()
        network.encoder.load_state_dict(encoder_state)
        loaders = self.loaders(tokens, dataset, fold.train, fold.train, fold.test, test)
        checkpoint = self._checkpoint(dataset, fold.train, seed)
        result = self._train(network, loaders, checkpoint, seed)
        return predict_member(result, network, loaders[1:], self._objective)

    @property
    def _objective(self) -> EndToEndObjective:
        return EndToEndObjective(self.memory_strategy, self.chunks_per_group, self.bfloat16)

    def _train(
        self,
        network: ChunkedClassifier,
        loaders: Sequence[TokenBatchLoader],
        checkpoint: Path,
        seed: int,
        optimizer: torch.optim.Optimizer | None = None,
    ) -> FitResult:
        """Train on the first of the loaders, stopped early on the second."""
        train, val, *_ = loaders
        result = fit(
            network,
            train,
            val,
            self.train_config,
            seed=seed,
            objective=self._objective,
            optimizer=optimizer,
            checkpoint=checkpoint,
            progress=True,
        )
        checkpoint.unlink(missing_ok=True)
        progress_path(checkpoint).unlink(missing_ok=True)
        return result

    def loaders(
        self, tokens: FilmChunks, dataset: FilmDataset, train: IntArray, *subsets: IntArray
    ) -> list[TokenBatchLoader]:
        """Return a loader of each subset; extra features are fitted on `train`."""
        extra_features = self._extract_extra_features(dataset, train)
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

    def _extract_extra_features(self, dataset: FilmDataset, train: IntArray) -> Float32Array | None:
        if not self.extra_features:
            return None
        return extract_extra_features(dataset, train, self.extra_features)

    def _checkpoint(self, dataset: FilmDataset, train: IntArray, seed: int) -> Path:
        """Return the path of a member's checkpoint, named by all that decides its training."""
        films = dataset.films["text_sha1"].to_numpy()[train].tolist()
        key = hash_json([self.config, films, dataset.labels[train].tolist(), seed])
        return self.cache / "fits" / f"{key[:20]}.safetensors"
