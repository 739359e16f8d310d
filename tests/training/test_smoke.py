from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn
from typer.testing import CliRunner

from tests.training.planted import corpus
from wholescript.cli import app
from wholescript.data.films import load_corpus
from wholescript.errors import DataError
from wholescript.features.layout import STRUCTURE_NAMES
from wholescript.features.token_chunks import TokenChunks
from wholescript.features.word_counts import WordCounts
from wholescript.models.task import Task
from wholescript.studies.screenplays import smoke
from wholescript.studies.screenplays.models.aggregation import AGGREGATORS
from wholescript.studies.screenplays.smoke import SmokeBatch, check_models, sample_film


class Broken(nn.Module):
    """Gives no number, and does not use one of its weights."""

    def __init__(self, d_input):
        super().__init__()
        self.used = nn.Linear(d_input, 1)
        self.idle = nn.Linear(2, 2)

    def forward(self, chunks, chunk_mask):
        logits = self.used(chunks).sum((1, 2)) * torch.nan
        return SimpleNamespace(logits=logits)


@pytest.fixture
def drawn(films):
    """Five planted films, with 3 words and 600 random word pieces."""
    films = films.head(5).assign(nominated_for_writing=[True, False, True, False, True])
    _, chunks = corpus()
    chunks = chunks.select(np.arange(5))
    wide = np.pad(chunks.codes, ((0, 0), (0, 58)))
    chunks = type(chunks)(wide, chunks.offsets, chunks.rotation)
    counts = csr_matrix(np.arange(1, 16, dtype=np.uint16).reshape(5, 3))
    words = WordCounts((counts,) * 4, counts, ["a", "b", "c"])
    labels = np.array([1, 0, 1, 0, 1], np.int8)
    groups = films["film_id"].to_numpy(object)
    structure = np.random.default_rng(1).normal(size=(5, len(STRUCTURE_NAMES))).astype(np.float32)
    films = films.assign(n_words=np.arange(5) + 9_000)
    features = SimpleNamespace(chunks=chunks, words=words, structure=structure)
    task = Task(films, labels, groups, features)
    ids = np.random.default_rng(0).integers(30_522, size=600).astype(np.uint16)
    return SmokeBatch(task, TokenChunks(ids, np.array([0, 600]), 0, 1, 2), tokens_are_random=True)


@pytest.fixture
def quick(monkeypatch):
    """Leave out the pretrained encoder, which takes seconds to load."""
    scratch = {"scratch": smoke.CHUNK_ENCODERS["scratch"]}
    monkeypatch.setattr(smoke, "CHUNK_ENCODERS", scratch)


def test_every_model_gives_a_probability_and_a_gradient(drawn, quick):
    found = {c.model: c for c in check_models(drawn, "nominated_for_writing", seed=0)}
    fused = "gated-attention-and-year-length-structure-words"
    assert set(found) == {"tfidf", "mean-pooling", "joint", "scratch", fused} | {
        name.replace("_", "-") for name in AGGREGATORS
    }
    assert not any(c.problems for c in found.values())
    assert all(0 < c.probability < 1 for c in found.values())
    assert all(c.grad_norm > 0 for c in list(found.values())[2:])
    assert found["scratch"].input_shape == (3, 256)
    assert found["joint"].output_shape == (1, 2)


def test_a_model_that_gives_no_number_or_no_gradient_is_at_fault(drawn, quick, monkeypatch):
    monkeypatch.setitem(AGGREGATORS, "query_decoder", Broken)
    found = {c.model: c for c in check_models(drawn, "nominated_for_writing", seed=0)}
    assert not found["gated-attention"].problems
    assert found["query-decoder"].problems == [
        "the loss is not finite",
        "no gradient reaches idle.weight",
        "no gradient reaches idle.bias",
        "the norm of the gradient is nan",
        "the probability is not finite",
    ]


@pytest.mark.parametrize("broken", [False, True])
def test_the_command_prints_the_film_and_ends_with_1_on_a_fault(drawn, quick, monkeypatch, broken):
    films = drawn.films.films.assign(title="The Plant", n_words=12_345)
    drawn = replace(drawn, films=replace(drawn.films, films=films))
    monkeypatch.setattr(smoke, "draw_film", lambda corpus, seed: drawn)
    if broken:
        monkeypatch.setitem(AGGREGATORS, "query_decoder", Broken)
    result = CliRunner().invoke(app, ["smoke", "--seed", "7"])
    assert result.exit_code == broken
    assert "The Plant (2000), 12,345 words" in result.output
    assert "drawn with seed 7" in result.output
    assert "random word pieces" in result.output
    assert ("query-decoder: the loss is not finite" in result.stderr) == broken


def test_a_bundled_film_is_drawn_by_its_seed():
    corpus = load_corpus()
    drawn, again, other = (sample_film(corpus, seed=seed) for seed in (1, 1, 2))
    films = drawn.films
    assert films.films["film_id"].tolist() == again.films.films["film_id"].tolist()
    assert films.films["film_id"].iloc[-1] != other.films.films["film_id"].iloc[-1]
    assert films.labels[drawn.train_rows].tolist() == [0, 0, 1, 1]
    assert drawn.tokens_are_random
    assert drawn.tokens.counts.tolist() == [films.features.chunks.counts[-1]]


def test_a_corpus_without_a_second_class_is_an_error():
    class Lone:
        labels = np.array([0, 0, 0, 1], np.int8)
        film_ids = ("a", "b", "c", "d")

        def __len__(self):
            return 4

    seeds = (s for s in range(99) if np.random.default_rng(s).permutation(4)[0] == 3)
    with pytest.raises(DataError, match="the corpus without d"):
        sample_film(Lone(), seed=next(seeds))
