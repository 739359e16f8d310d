from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn

from tests.shell import shell
from tests.training.planted import corpus
from wholescript.data.films import load_corpus
from wholescript.errors import DataError
from wholescript.features.layout import LAYOUT_NAMES
from wholescript.features.token_chunks import TokenChunks
from wholescript.features.word_counts import WordCounts
from wholescript.models.aggregators import AGGREGATORS
from wholescript.models.films.task import Task
from wholescript.studies.screenplays import smoke
from wholescript.studies.screenplays.smoke import SmokeBatch, check_models, sample_film


class Broken(nn.Module):
    """Returns NaN, and has unused weights."""

    def __init__(self, d_input):
        super().__init__()
        self.used = nn.Linear(d_input, 1)
        self.idle = nn.Linear(2, 2)

    def forward(self, chunks, chunk_mask):
        logits = self.used(chunks).sum((1, 2)) * torch.nan
        return SimpleNamespace(logits=logits)


@pytest.fixture
def sample(films):
    """Five planted films with 3 words, the last with 600 random tokens."""
    films = films.head(5).assign(nominated_for_writing=[True, False, True, False, True])
    _, chunks = corpus()
    chunks = chunks.select(np.arange(5))
    wide = np.pad(chunks.codes, ((0, 0), (0, 58)))
    chunks = type(chunks)(wide, chunks.offsets, chunks.rotation)
    counts = csr_matrix(np.arange(1, 16, dtype=np.uint16).reshape(5, 3))
    words = WordCounts((counts,) * 4, counts, ["a", "b", "c"])
    labels = np.array([1, 0, 1, 0, 1], np.int8)
    groups = films["film_id"].to_numpy(object)
    layout = np.random.default_rng(1).normal(size=(5, len(LAYOUT_NAMES))).astype(np.float32)
    films = films.assign(n_words=np.arange(5) + 9_000)
    features = SimpleNamespace(chunks=chunks, word_counts=words, layout=layout)
    task = Task(films, labels, groups, features)
    ids = np.random.default_rng(0).integers(30_522, size=600).astype(np.uint16)
    return SmokeBatch(task, TokenChunks(ids, np.array([0, 600]), 0, 1, 2), tokens_are_random=True)


@pytest.fixture
def quick(monkeypatch):
    """Leave out the pretrained encoder, which takes seconds to load."""
    scratch = {"scratch": smoke.CHUNK_ENCODERS["scratch"]}
    monkeypatch.setattr(smoke, "CHUNK_ENCODERS", scratch)


def test_every_model_has_a_probability_and_a_gradient(sample, quick):
    found = {c.model: c for c in check_models(sample, "nominated_for_writing", seed=0)}
    fused = "gated-attention-and-year-length-layout-tfidf"
    assert set(found) == {"tfidf-logistic", "mean-pooling", "multitask", "scratch", fused} | {
        name.replace("_", "-") for name in AGGREGATORS
    }
    assert not any(c.problems for c in found.values())
    assert all(0 < c.probability < 1 for c in found.values())
    assert all(c.grad_norm > 0 for c in list(found.values())[2:])
    assert found["scratch"].input_shape == (3, 256)
    assert found["multitask"].output_shape == (1, 2)


def test_missing_gradients_and_nan_are_reported(sample, quick, monkeypatch):
    monkeypatch.setitem(AGGREGATORS, "query_decoder", Broken)
    found = {c.model: c for c in check_models(sample, "nominated_for_writing", seed=0)}
    assert not found["gated-attention"].problems
    assert found["query-decoder"].problems == [
        "the loss is not finite",
        "no gradient reaches idle.weight",
        "no gradient reaches idle.bias",
        "the norm of the gradient is nan",
        "the probability is not finite",
    ]


@pytest.mark.parametrize("broken", [False, True])
def test_command_prints_the_film_and_exits_with_1_on_a_problem(sample, quick, monkeypatch, broken):
    films = sample.task.films.assign(title="The Plant", n_words=12_345)
    sample = replace(sample, task=replace(sample.task, films=films))
    monkeypatch.setattr(smoke, "sample_film", lambda corpus, seed: sample)
    if broken:
        monkeypatch.setitem(AGGREGATORS, "query_decoder", Broken)
    result = shell(["evaluate", "smoke", "--seed", "7"])
    assert result.exit_code == broken
    assert "The Plant (2000), 12,345 words" in result.output
    assert "sampled with seed 7" in result.output
    assert "random tokens" in result.output
    assert ("query-decoder: the loss is not finite" in result.stderr) == broken


def test_sampled_film_depends_on_the_seed():
    corpus = load_corpus()
    sample, again, other = (sample_film(corpus, seed=seed) for seed in (1, 1, 2))
    films = sample.task
    assert films.films["film_id"].tolist() == again.task.films["film_id"].tolist()
    assert films.films["film_id"].iloc[-1] != other.task.films["film_id"].iloc[-1]
    assert films.labels[sample.train_indices].tolist() == [0, 0, 1, 1]
    assert sample.tokens_are_random
    assert sample.tokens.counts.tolist() == [films.features.chunks.counts[-1]]


def test_corpus_with_one_class_raises():
    class Lone:
        labels = np.array([0, 0, 0, 1], np.int8)
        film_ids = ("a", "b", "c", "d")

        def __len__(self):
            return 4

    seeds = (s for s in range(99) if np.random.default_rng(s).permutation(4)[0] == 3)
    with pytest.raises(DataError, match="the corpus without d"):
        sample_film(Lone(), seed=next(seeds))
