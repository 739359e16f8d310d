import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.features.films import some_features
from wholescript.models.films.ablation import (
    FeatureAblation,
    OpeningAblation,
    OutsideWindowAblation,
    WordAblation,
)
from wholescript.models.films.estimator import FilmDataset, FoldPredictions


@pytest.fixture
def dataset():
    features = some_features()
    films = pd.DataFrame({"film_id": features.film_ids, "n_chars": [16_000, 12_000, 40_000]})
    return FilmDataset(films, np.array([1, 0, 0], np.int8), features.groups, features)


class Recorder:
    """Records its data set."""

    name, config = "recorder", {"model": "recorder"}

    def fit_predict(self, dataset, train, test, *, seed):
        self.call = (dataset, train, test, seed)
        return FoldPredictions(np.zeros(len(train)), np.zeros(len(test)))


def test_word_ablation_drops_words_and_keeps_chunks(dataset):
    ablated = WordAblation(frozenset({"anna", "elsewhere"})).ablate(dataset).features
    assert ablated.word_counts.vocabulary == ["may", "sees", "town"]
    assert ablated.chunks is dataset.features.chunks
    kept = WordAblation(frozenset({"anna", "elsewhere"}), keep_only=True).ablate(dataset).features
    assert kept.word_counts.vocabulary == ["anna"]


def test_the_estimator_gets_the_ablated_dataset(dataset):
    recorder = Recorder()
    train, test = np.array([0, 1]), np.array([2])
    FeatureAblation(recorder, WordAblation(frozenset({"anna"}))).fit_predict(
        dataset, train, test, seed=7
    )
    ablated, *rest = recorder.call
    assert "anna" not in ablated.features.word_counts.vocabulary
    assert ablated.labels is dataset.labels
    assert [part.tolist() if hasattr(part, "tolist") else part for part in rest] == [[0, 1], [2], 7]
    assert "anna" in dataset.features.word_counts.vocabulary


def test_opening_ablation_drops_chunks_by_the_length_of_each_script(dataset):
    chunks = OpeningAblation().ablate(dataset).features.chunks
    assert chunks.counts.tolist() == [3, 5, 1]
    longer = replace(dataset, films=dataset.films.assign(n_chars=4_000_000))
    assert OpeningAblation().ablate(longer).features.chunks.counts.tolist() == [3, 7, 1]


FILMS = {
    0: [[0, 1, 2], [0, 1, 2], [0]],
    0.5: [[0, 1, 2], [2, 3, 4], [0]],
    1: [[1, 2, 3], [5, 6, 7], [0]],
}


@pytest.mark.parametrize("position", FILMS)
def test_a_window_keeps_consecutive_chunks_at_its_position(dataset, position):
    chunks = OutsideWindowAblation(3, position).ablate(dataset).features.chunks
    found = np.split(chunks.codes[:, 0], chunks.offsets[1:-1])
    assert [part.tolist() for part in found] == FILMS[position]


def test_configs_of_ablations_differ():
    ablations = [
        WordAblation(frozenset({"anna"})),
        WordAblation(frozenset({"anna"}), keep_only=True),
        WordAblation(frozenset({"anna", "town"})),
        OpeningAblation(),
    ]
    configs = [
        json.dumps(FeatureAblation(Recorder(), ablation).config, sort_keys=True)
        for ablation in ablations
    ]
    assert len(set(configs)) == len(ablations)
    assert json.loads(configs[0])["estimator"] == Recorder.config
