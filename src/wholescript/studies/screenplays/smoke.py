"""Smoke test: one film through every model, forward and backward."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, cast

import numpy as np
import torch
from scipy.special import expit
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from wholescript.data.films import Corpus
from wholescript.data.films.checks import check_two_classes
from wholescript.features.build import load_features
from wholescript.features.encoder_config import MINILM
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.features.token_chunks import TokenChunks, cache_tokens, load_token_chunks
from wholescript.models.aggregators import AGGREGATORS, GatedAttention
from wholescript.models.chunked_classifier import ChunkedClassifier
from wholescript.models.films.estimator import FilmDataset
from wholescript.models.films.extra_features import EXTRA_FEATURE_DIMS
from wholescript.models.films.logistic_regression import IntArray, NestedLogisticRegression
from wholescript.models.films.mean_embedding import MeanPoolingLR
from wholescript.models.films.tfidf import TfidfLR
from wholescript.models.partial_finetuning import PartiallyFinetunedEncoder
from wholescript.models.scratch_encoder import ScratchEncoder
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.studies.screenplays.models.multitask import MultiTaskMILClassifier
from wholescript.training.batches import BatchLoader, ChunkBatch, TokenBatchLoader
from wholescript.training.objectives.base import LossFn, predict_logits
from wholescript.training.objectives.films import AggregatorObjective, EndToEndObjective

VOCAB_SIZE = 30_522  # of the WordPiece tokenizer
CHUNK_ENCODERS: dict[str, Callable[[], Any]] = {
    "scratch": partial(ScratchEncoder, VOCAB_SIZE, 64, 2, 128, 1),
    "scratch, causal": partial(
        ScratchEncoder, VOCAB_SIZE, 64, 2, 128, 1, positions="rotary", causal=True
    ),
    "partially_finetuned": PartiallyFinetunedEncoder,
}
"""Chunk encoders that are trained with an aggregator; those from scratch are small here."""
N_EVAL_CHUNKS = 16  # evenly spaced chunks of the film for end-to-end models: seconds, not a minute
N_TRAIN_PER_CLASS = 2  # further films of each class, to fit linear models and scales


@dataclass(frozen=True)
class SmokeResult:
    """Result of a model on the film.

    `grad_norm` is the norm over all parameters, None for a model without gradients. `problems` is
    empty if all checks passed.
    """

    model: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    grad_norm: float | None
    probability: float
    seconds: float
    problems: list[str]


@dataclass(frozen=True)
class SmokeSample:
    """A few films, of which the last is tested; without its text, `tokens_are_random`."""

    dataset: FilmDataset
    tokens: TokenChunks
    tokens_are_random: bool

    @property
    def test_indices(self) -> IntArray:
        """The index of the tested film, (1,)."""
        return np.array([len(self.dataset.labels) - 1])

    @property
    def train_indices(self) -> IntArray:
        """The indices of the other films."""
        return np.arange(len(self.dataset.labels) - 1)


def make_smoke_sample(corpus: Corpus, *, seed: int) -> SmokeSample:
    """Sample a film, and a few more of each class, with their features.

    If the corpus has no texts, the film's tokens are random, as many as fill its chunks.

    Raises:
        DataError: without the film, one class is missing.
        BundleError: the features are missing.
        DependencyError: the packages to compute them are missing.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(corpus))
    film, rest = order[0], order[1:]
    labels = corpus.labels
    train_indices = np.concatenate(
        [rest[labels[rest] == label][:N_TRAIN_PER_CLASS] for label in (0, 1)]
    )
    check_two_classes(labels[train_indices], f"the corpus without {corpus.film_ids[film]}")
    corpus = corpus.select([*train_indices, film])
    features = load_features(corpus)
    dataset = FilmDataset(corpus.films, corpus.labels, features.groups, features)
    if corpus.texts is None:
        size = int(features.chunks.counts[-1]) * TokenChunks.chunk_length
        ids = random.integers(VOCAB_SIZE, size=size).astype(np.uint16)
        return SmokeSample(
            dataset, TokenChunks(ids, np.array([0, size]), 0, 1, 2), tokens_are_random=True
        )
    sha1, film_id = corpus.films["text_sha1"].iloc[-1], corpus.film_ids[-1]
    cache_tokens([(sha1, corpus.texts[film_id])])
    return SmokeSample(dataset, load_token_chunks([sha1]), tokens_are_random=False)


def check_models(sample: SmokeSample, target: str, *, seed: int) -> Iterator[SmokeResult]:
    """Yield the result of every model of the report: linear ones fitted, networks untrained.

    The pretrained encoder is left out if it is not installed.
    """
    dataset = sample.dataset
    for linear in (TfidfLR(min_df=1), MeanPoolingLR()):
        yield _check_linear(linear, sample)
    mil_models = [MILClassifier(cast(Any, name)) for name in AGGREGATORS]
    mil_models.append(MILClassifier("gated_attention", extra_features=tuple(EXTRA_FEATURE_DIMS)))
    # The values of the label do not matter here, so both heads get the same.
    multitask = MultiTaskMILClassifier("gated_attention", auxiliary_label=target)
    for model in (*mil_models, multitask):
        torch.manual_seed(seed)
        (loader,) = model.loaders(dataset, sample.train_indices, sample.test_indices)
        loss_fn = model.make_loss_fn(dataset.labels)
        yield _check_network(model.name, model.build(), loader, model.objective(), loss_fn, seed)
    token_loader = TokenBatchLoader(
        sample.tokens,
        dataset.labels[sample.test_indices],
        np.array([0]),
        n_eval_chunks=N_EVAL_CHUNKS,
    )
    objective = EndToEndObjective("full_backprop", bfloat16=cpu_has_bfloat16())
    for name, build in CHUNK_ENCODERS.items():
        if name == "partially_finetuned" and not importlib.util.find_spec(MINILM.package):
            continue
        torch.manual_seed(seed)
        encoder = build()
        network = ChunkedClassifier(encoder, GatedAttention(encoder.d_model))
        yield _check_network(
            name, network, token_loader, objective, binary_cross_entropy_with_logits, seed
        )


def _check_linear(model: NestedLogisticRegression, sample: SmokeSample) -> SmokeResult:
    """Fit a linear model on the training films and score the tested film."""
    start = perf_counter()
    train, test = model.design_matrices(sample.dataset, sample.train_indices, sample.test_indices)
    labels = sample.dataset.labels[sample.train_indices]
    scores = model.fit_predict_proba(train, labels, test, model.Cs[0], seed=0)
    problems = [] if np.isfinite(scores).all() else ["the probability is not finite"]
    seconds = perf_counter() - start
    return SmokeResult(
        model.name, test.shape, scores.shape, None, float(scores[0]), seconds, problems
    )


def _check_network(
    name: str,
    network: Any,
    loader: BatchLoader,
    objective: AggregatorObjective | EndToEndObjective,
    loss_fn: LossFn,
    seed: int,
) -> SmokeResult:
    """Compute the gradient on the tested film, then score it."""
    start = perf_counter()
    batch = next(loader.eval_batches())
    network.train()
    value = objective.training_step(network, batch, loss_fn, seed=seed)
    problems = [] if torch.isfinite(value) else ["the loss is not finite"]
    trainable = {key: p for key, p in network.named_parameters() if p.requires_grad}
    missing = [key for key, p in trainable.items() if p.grad is None]
    problems += [f"no gradient reaches {key}" for key in missing]
    norm = nn.utils.get_total_norm([p.grad for p in trainable.values() if p.grad is not None])
    if not 0 < norm < np.inf:
        problems.append(f"the norm of the gradient is {norm:g}")
    logits, _, _ = predict_logits(network, loader, objective)
    # The probability of a multi-task model is the product of those of its two heads.
    probability = float(expit(logits[0]).prod())
    if not np.isfinite(probability):
        problems.append("the probability is not finite")
    input_shape = tuple((batch.chunks if isinstance(batch, ChunkBatch) else batch.input_ids).shape)
    seconds = perf_counter() - start
    return SmokeResult(name, input_shape, logits.shape, float(norm), probability, seconds, problems)
