"""Chunked classifiers as estimators: encoder and aggregator trained together on token chunks."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from wholescript.data.films.folds import inner_folds
from wholescript.errors import ParameterError
from wholescript.features.pretrained_encoders import wordpiece_tokenizer
from wholescript.features.token_chunks import (
    CACHE,
    CHUNK_LENGTH,
    TokenChunks,
    cache_tokens,
    load_token_chunks,
)
from wholescript.models.chunked import ChunkedClassifier, ScratchEncoder
from wholescript.models.fusion import extract_extra_features, with_late_fusion
from wholescript.models.partial_finetuning import PartiallyTunedEncoder
from wholescript.models.task import FoldScores, Task
from wholescript.studies.screenplays.models.aggregation import AGGREGATORS
from wholescript.training.batches import TokenBatchLoader
from wholescript.training.loop import HistoryRow, TrainConfig, derive_seed, fit
from wholescript.training.masked_lm import MLMConfig, pretrain_mlm
from wholescript.training.objectives import EndToEndObjective, MemoryStrategy, predict_logits
from wholescript.training.progress import progress_path

IntArray = NDArray[np.int64]


@dataclass
class EndToEndClassifier:
    """A chunk encoder and an aggregator, trained together on the texts.

    In training a film is seen through `n_train_chunks` chunks, drawn anew in every epoch, otherwise through
    `n_eval_chunks` of them, evenly spaced; None of either is all. For each outer fold the first `n_members`
    of `n_inner_folds` inner folds each give a model, stopped early on its held-out films; test films get
    the mean of their probabilities. Training films that no member held out have no inner score
    (NaN). With `pretrain_config` the encoder first reads the training scripts without their labels.
    `fusion_inputs` of `models.fusion.WIDTHS` are read beside the chunks; `encoder_options` and `aggregator_options`
    go to encoder and aggregator.
    """

    reads_texts: ClassVar[bool] = True  # and not the features of the bundle

    name: str
    encoder: Literal["scratch", "thawed"] = "scratch"
    architecture: str = "gated_attention"
    chunk_length: int = CHUNK_LENGTH
    n_train_chunks: int | None = 16
    n_eval_chunks: int | None = 32
    n_inner_folds: int = 5
    n_members: int = 1
    batch_size: int = 8
    way: MemoryStrategy = "cached"
    chunks_per_group: int = 64
    bfloat16: bool = True
    encoder_options: dict[str, Any] = field(default_factory=dict)
    aggregator_options: dict[str, Any] = field(default_factory=dict)
    fusion_inputs: tuple[str, ...] = ()
    pretrain_config: MLMConfig | None = None
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            epochs=6, learning_rate=5e-4, weight_decay=0.05, patience=2, chunk_dropout=0.0
        )
    )

    cache: ClassVar[Path] = CACHE

    def __post_init__(self) -> None:
        """Refuse names that are not there."""
        if self.encoder not in ("scratch", "thawed"):
            raise ParameterError(f"encoder={self.encoder!r} is none of scratch, thawed")
        if self.architecture not in AGGREGATORS:
            raise ParameterError(
                f"architecture={self.architecture!r} is none of {', '.join(AGGREGATORS)}"
            )

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {"model": type(self).__name__, **asdict(self)}

    def build(self) -> ChunkedClassifier:
        """Return an untrained classifier; seed torch before."""
        encoder: ScratchEncoder | PartiallyTunedEncoder
        if self.encoder == "scratch":
            vocab_size = wordpiece_tokenizer().get_vocab_size()
            encoder = ScratchEncoder(vocab_size, **self.encoder_options)
        else:
            encoder = PartiallyTunedEncoder(**self.encoder_options)
        aggregator = AGGREGATORS[self.architecture](encoder.d_model, **self.aggregator_options)
        return ChunkedClassifier(encoder, with_late_fusion(aggregator, self.fusion_inputs))

    def cache_texts(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Tokenise scripts, given as (SHA-1 of the text, text), into the cache."""
        cache_tokens(scripts, total=total, cache=self.cache)

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Train on the inner folds of `train` and score `test`.

        Raises:
            DataError: the texts are not at hand.
        """
        tokens = load_token_chunks(
            task.films["text_sha1"].tolist(), self.chunk_length, cache=self.cache
        )
        inner, test_scores = np.full(len(task.labels), np.nan), np.zeros(len(task.labels))
        history: list[HistoryRow] = []
        chosen: dict[str, float | int | str] = {}
        way = EndToEndObjective(self.way, self.chunks_per_group, self.bfloat16)
        torch.manual_seed(seed)
        model = self.build()
        if self.pretrain_config:
            assert isinstance(model.encoder, ScratchEncoder)
            read = pretrain_mlm(
                model.encoder, tokens, train, self.pretrain_config, seed=seed, progress=True
            )
            chosen["pretraining_loss"] = read.history[read.best_epoch - 1]["held_out_loss"]
        start = {name: value.clone() for name, value in model.encoder.state_dict().items()}
        folds = inner_folds(task.labels, task.groups, train, n_folds=self.n_inner_folds, seed=seed)
        epochs = []
        for fold in folds[: self.n_members]:
            member_seed = derive_seed(seed, fold.fold)
            torch.manual_seed(member_seed)
            model = self.build()
            model.encoder.load_state_dict(start)
            parts = (fold.train, fold.test, test)
            training, val_loader, tested = self.batches(tokens, task, fold.train, *parts)
            path = self.cache / "fits" / f"{self._key(task, fold.train, member_seed)}.safetensors"
            result = fit(
                model, training, val_loader, self.training, seed=member_seed, way=way,
                checkpoint=path, progress=True,
            )  # fmt: skip
            path.unlink(missing_ok=True)
            progress_path(path).unlink(missing_ok=True)
            for batches, scores, share in (
                (val_loader, inner, 1),
                (tested, test_scores, self.n_members),
            ):
                logits, _, rows = predict_logits(model, batches, way)
                scores[rows] = np.nan_to_num(scores[rows]) + expit(logits.astype(float)) / share
            history += [{"inner": fold.fold, **row} for row in result.history]
            epochs.append(result.best_epoch)
        chosen["best_epochs"] = " ".join(map(str, epochs))
        return FoldScores(inner[train], test_scores[test], chosen, history)

    def batches(
        self, tokens: TokenChunks, task: Task, train: IntArray, *parts: IntArray
    ) -> list[TokenBatchLoader]:
        """Return the films of each part as batches of token chunks; inputs are those of `train`."""
        extra_features = (
            extract_extra_features(task, train, self.fusion_inputs) if self.fusion_inputs else None
        )
        size, n_train_chunks, n_eval_chunks = (
            self.batch_size,
            self.n_train_chunks,
            self.n_eval_chunks,
        )
        return [
            TokenBatchLoader(
                tokens, task.labels, rows, size, n_train_chunks, n_eval_chunks, extra_features
            )
            for rows in parts
        ]

    def _key(self, task: Task, rows: IntArray, seed: int) -> str:
        films = task.films["text_sha1"].to_numpy()[rows].tolist()
        content = json.dumps([self.config, films, task.labels[rows].tolist(), seed])
        return hashlib.sha256(content.encode()).hexdigest()[:20]
