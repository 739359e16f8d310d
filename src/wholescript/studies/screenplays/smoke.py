"""One film through every model, forward and backward: the first thing to run after a change."""

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
from wholescript.data.films.guards import check_two_classes
from wholescript.features.build import load_features
from wholescript.features.pretrained_encoders import MINILM_PACKAGE, cpu_has_bfloat16
from wholescript.features.token_chunks import TokenChunks, cache_tokens, load_token_chunks
from wholescript.models.aggregators import GatedAttention
from wholescript.models.chunked import ChunkedClassifier, ScratchEncoder
from wholescript.models.fusion import EXTRA_FEATURE_DIMS
from wholescript.models.logistic_regression import IntArray, NestedLogisticRegression
from wholescript.models.mean_embedding import MeanPoolingLR
from wholescript.models.partial_finetuning import PartiallyTunedEncoder
from wholescript.models.task import Task
from wholescript.models.tfidf import TfidfLR
from wholescript.studies.screenplays.models.aggregation import AGGREGATORS, MILClassifier
from wholescript.studies.screenplays.models.multitask import MultiTaskMILClassifier
from wholescript.training.batches import BatchLoader, ChunkBatch, TokenBatchLoader
from wholescript.training.objectives import (
    EndToEndObjective,
    FrozenEncoderObjective,
    LossFn,
    predict_logits,
)

VOCAB_SIZE = 30_522  # word pieces of the encoder
CHUNK_ENCODERS: dict[str, Callable[[], Any]] = {
    "scratch": partial(ScratchEncoder, VOCAB_SIZE, 64, 2, 128, 1),
    "scratch, causal": partial(
        ScratchEncoder, VOCAB_SIZE, 64, 2, 128, 1, positions="rotary", causal=True
    ),
    "thawed": PartiallyTunedEncoder,
}
"""Chunk encoders that are trained with an aggregator, the scratch ones small."""
N_EVAL_CHUNKS = (
    16  # chunks of the film, evenly spaced, that such a model reads: seconds, not a minute
)
N_TRAIN_PER_CLASS = (
    2  # films of each class beside the one that is read: what linear models learn on
)


@dataclass(frozen=True)
class SmokeResult:
    """What a model did with the film.

    `input_shape` is the shape of its input, `output_shape` that of its output; `grad_norm` the norm over all
    parameters, None where there are none to be had. `problems` is empty if all is well.
    """

    model: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    grad_norm: float | None
    probability: float
    seconds: float
    problems: list[str]


@dataclass(frozen=True)
class SmokeBatch:
    """A few films of a corpus, of which the last is read; `tokens_are_random` says that its tokens are."""

    films: Task
    tokens: TokenChunks
    tokens_are_random: bool

    @property
    def row(self) -> IntArray:
        """The row of the film, (1,)."""
        return np.array([len(self.films.labels) - 1])

    @property
    def train_rows(self) -> IntArray:
        """The rows of the other films."""
        return np.arange(len(self.films.labels) - 1)


def sample_film(corpus: Corpus, *, seed: int) -> SmokeBatch:
    """Draw a film, and a few more of each class, with the features of all of them.

    Without texts the film's word pieces are drawn at random, as many as it has chunks for.

    Raises:
        DataError: without the film, one class is missing.
        BundleError: the features are missing, or what makes them.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(corpus))
    film, rest = order[0], order[1:]
    labels = corpus.labels
    train_rows = np.concatenate(
        [rest[labels[rest] == label][:N_TRAIN_PER_CLASS] for label in (0, 1)]
    )
    check_two_classes(labels[train_rows], f"the corpus without {corpus.film_ids[film]}")
    corpus = corpus.select([*train_rows, film])
    features = load_features(corpus)
    task = Task(corpus.films, corpus.labels, features.groups, features)
    if corpus.texts is None:
        size = int(features.chunks.counts[-1]) * TokenChunks.length
        ids = random.integers(VOCAB_SIZE, size=size).astype(np.uint16)
        return SmokeBatch(
            task, TokenChunks(ids, np.array([0, size]), 0, 1, 2), tokens_are_random=True
        )
    sha1, film_id = corpus.films["text_sha1"].iloc[-1], corpus.film_ids[-1]
    cache_tokens([(sha1, corpus.texts[film_id])])
    return SmokeBatch(task, load_token_chunks([sha1]), tokens_are_random=False)


def check_models(drawn: SmokeBatch, target: str, *, seed: int) -> Iterator[SmokeResult]:
    """Take the film through every model of the report, untrained ones, and yield what each did.

    The pretrained encoder takes part where it is installed.
    """
    films = drawn.films
    for linear in (TfidfLR(min_df=1), MeanPoolingLR()):
        yield _check_linear(linear, drawn)
    aggregations = [MILClassifier(cast(Any, name)) for name in AGGREGATORS]
    aggregations.append(MILClassifier("gated_attention", inputs=tuple(EXTRA_FEATURE_DIMS)))
    # Any label does for either head: only whether both run is asked.
    joint = MultiTaskMILClassifier("gated_attention", auxiliary_label=target)
    for model in (*aggregations, joint):
        torch.manual_seed(seed)
        (batches,) = model.batches(films, drawn.train_rows, drawn.row)
        loss = model.loss(films.labels)
        yield _check_network(model.name, model.build(), batches, model.objective(), loss, seed)
    tokens = TokenBatchLoader(
        drawn.tokens, films.labels[drawn.row], np.array([0]), n_eval_chunks=N_EVAL_CHUNKS
    )
    objective = EndToEndObjective("whole", bfloat16=cpu_has_bfloat16())
    for name, build in CHUNK_ENCODERS.items():
        if name == "thawed" and not importlib.util.find_spec(MINILM_PACKAGE):
            continue
        torch.manual_seed(seed)
        encoder = build()
        network = ChunkedClassifier(encoder, GatedAttention(encoder.d_model))
        yield _check_network(
            name, network, tokens, objective, binary_cross_entropy_with_logits, seed
        )


def _check_linear(model: NestedLogisticRegression, drawn: SmokeBatch) -> SmokeResult:
    """Fit a linear model on the other films and score the film."""
    start = perf_counter()
    train, test = model.inputs(drawn.films, drawn.train_rows, drawn.row)
    labels = drawn.films.labels[drawn.train_rows]
    scores = model.fit_predict_proba(train, labels, test, model.Cs[0], seed=0)
    problems = [] if np.isfinite(scores).all() else ["the probability is not finite"]
    seconds = perf_counter() - start
    return SmokeResult(
        model.name, test.shape, scores.shape, None, float(scores[0]), seconds, problems
    )


def _check_network(
    name: str,
    network: Any,
    batches: BatchLoader,
    objective: FrozenEncoderObjective | EndToEndObjective,
    loss: LossFn,
    seed: int,
) -> SmokeResult:
    """Take one gradient of the film, then score it."""
    start = perf_counter()
    batch = next(batches.eval_batches())
    network.train()
    value = objective.training_step(network, batch, loss, seed=seed)
    problems = [] if torch.isfinite(value) else ["the loss is not finite"]
    trainable = {key: p for key, p in network.named_parameters() if p.requires_grad}
    missing = [key for key, p in trainable.items() if p.grad is None]
    problems += [f"no gradient reaches {key}" for key in missing]
    norm = nn.utils.get_total_norm([p.grad for p in trainable.values() if p.grad is not None])
    if not 0 < norm < np.inf:
        problems.append(f"the norm of the gradient is {norm:g}")
    logits, _, _ = predict_logits(network, batches, objective)
    # Two outputs are the factors of one probability.
    probability = float(expit(logits[0]).prod())
    if not np.isfinite(probability):
        problems.append("the probability is not finite")
    input_shape = tuple((batch.chunks if isinstance(batch, ChunkBatch) else batch.input_ids).shape)
    seconds = perf_counter() - start
    return SmokeResult(name, input_shape, logits.shape, float(norm), probability, seconds, problems)
