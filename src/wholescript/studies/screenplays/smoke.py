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
from wholescript.features.token_chunks import TokenChunks, keep_tokens, load_tokens
from wholescript.models.aggregators import GatedAttention
from wholescript.models.chunked import ChunkedClassifier, ScratchEncoder
from wholescript.models.fusion import WIDTHS
from wholescript.models.logistic_regression import IntArray, NestedLogistic
from wholescript.models.mean_embedding import MeanPoolingLR
from wholescript.models.partial_finetuning import ThawedEncoder
from wholescript.models.task import Task
from wholescript.models.tfidf import WordsLR
from wholescript.studies.screenplays.models.aggregation import ARCHITECTURES, Aggregation
from wholescript.studies.screenplays.models.multitask import JointAggregation
from wholescript.training.batches import Batch, Batches, TokenBatches
from wholescript.training.objectives import Loss, OnTokens, OnVectors, predict

VOCABULARY = 30_522  # word pieces of the encoder
CHUNK_ENCODERS: dict[str, Callable[[], Any]] = {
    "scratch": partial(ScratchEncoder, VOCABULARY, 64, 2, 128, 1),
    "scratch, causal": partial(
        ScratchEncoder, VOCABULARY, 64, 2, 128, 1, positions="rotary", causal=True
    ),
    "thawed": ThawedEncoder,
}
"""Chunk encoders that are trained with an aggregator, the scratch ones small."""
LOOK = 16  # chunks of the film, evenly spaced, that such a model reads: seconds, not a minute
OTHERS = 2  # films of each class beside the one that is read: what linear models learn on


@dataclass(frozen=True)
class Checked:
    """What a model did with the film.

    `reads` is the shape of its input, `gives` that of its output; `gradient` the norm over all
    parameters, None where there are none to be had. `faults` is empty if all is well.
    """

    model: str
    reads: tuple[int, ...]
    gives: tuple[int, ...]
    gradient: float | None
    probability: float
    seconds: float
    faults: list[str]


@dataclass(frozen=True)
class Handful:
    """A few films of a corpus, of which the last is read; `invented` says that its tokens are."""

    films: Task
    tokens: TokenChunks
    invented: bool

    @property
    def row(self) -> IntArray:
        """The row of the film, (1,)."""
        return np.array([len(self.films.labels) - 1])

    @property
    def others(self) -> IntArray:
        """The rows of the other films."""
        return np.arange(len(self.films.labels) - 1)


def draw_film(corpus: Corpus, *, seed: int) -> Handful:
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
    others = np.concatenate([rest[labels[rest] == label][:OTHERS] for label in (0, 1)])
    check_two_classes(labels[others], f"the corpus without {corpus.film_ids[film]}")
    corpus = corpus.select([*others, film])
    features = load_features(corpus)
    task = Task(corpus.films, corpus.labels, features.groups, features)
    if corpus.texts is None:
        size = int(features.chunks.counts[-1]) * TokenChunks.length
        ids = random.integers(VOCABULARY, size=size).astype(np.uint16)
        return Handful(task, TokenChunks(ids, np.array([0, size]), 0, 1, 2), invented=True)
    sha1, film_id = corpus.films["text_sha1"].iloc[-1], corpus.film_ids[-1]
    keep_tokens([(sha1, corpus.texts[film_id])])
    return Handful(task, load_tokens([sha1]), invented=False)


def check_models(drawn: Handful, target: str, *, seed: int) -> Iterator[Checked]:
    """Take the film through every model of the report, untrained ones, and yield what each did.

    The pretrained encoder takes part where it is installed.
    """
    films = drawn.films
    for linear in (WordsLR(min_df=1), MeanPoolingLR()):
        yield _learned(linear, drawn)
    aggregations = [Aggregation(cast(Any, name)) for name in ARCHITECTURES]
    aggregations.append(Aggregation("gated_attention", inputs=tuple(WIDTHS)))
    # Any label does for either head: only whether both run is asked.
    joint = JointAggregation("gated_attention", nomination=target)
    for model in (*aggregations, joint):
        torch.manual_seed(seed)
        (batches,) = model.batches(films, drawn.others, drawn.row)
        loss = model.loss(films.labels)
        yield _trained(model.name, model.build(), batches, model.way(), loss, seed)
    tokens = TokenBatches(drawn.tokens, films.labels[drawn.row], np.array([0]), look=LOOK)
    way = OnTokens("whole", bfloat16=cpu_has_bfloat16())
    for name, build in CHUNK_ENCODERS.items():
        if name == "thawed" and not importlib.util.find_spec(MINILM_PACKAGE):
            continue
        torch.manual_seed(seed)
        encoder = build()
        network = ChunkedClassifier(encoder, GatedAttention(encoder.d_model))
        yield _trained(name, network, tokens, way, binary_cross_entropy_with_logits, seed)


def _learned(model: NestedLogistic, drawn: Handful) -> Checked:
    """Fit a linear model on the other films and score the film."""
    start = perf_counter()
    train, test = model.inputs(drawn.films, drawn.others, drawn.row)
    labels = drawn.films.labels[drawn.others]
    scores = model.learn(train, labels, test, model.Cs[0], seed=0)
    faults = [] if np.isfinite(scores).all() else ["the probability is not finite"]
    seconds = perf_counter() - start
    return Checked(model.name, test.shape, scores.shape, None, float(scores[0]), seconds, faults)


def _trained(
    name: str, network: Any, batches: Batches, way: OnVectors | OnTokens, loss: Loss, seed: int
) -> Checked:
    """Take one gradient of the film, then score it."""
    start = perf_counter()
    batch = next(batches.by_length())
    network.train()
    value = way.backward(network, batch, loss, seed=seed)
    faults = [] if torch.isfinite(value) else ["the loss is not finite"]
    learning = {key: p for key, p in network.named_parameters() if p.requires_grad}
    missing = [key for key, p in learning.items() if p.grad is None]
    faults += [f"no gradient reaches {key}" for key in missing]
    norm = nn.utils.get_total_norm([p.grad for p in learning.values() if p.grad is not None])
    if not 0 < norm < np.inf:
        faults.append(f"the norm of the gradient is {norm:g}")
    logits, _, _ = predict(network, batches, way)
    # Two outputs are the factors of one probability.
    probability = float(expit(logits[0]).prod())
    if not np.isfinite(probability):
        faults.append("the probability is not finite")
    reads = tuple((batch.chunks if isinstance(batch, Batch) else batch.input_ids).shape)
    seconds = perf_counter() - start
    return Checked(name, reads, logits.shape, float(norm), probability, seconds, faults)
