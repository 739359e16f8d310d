import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.features.films import some_features
from wholescript.models.ablation import FeatureAblation, OpeningAblation, WordAblation
from wholescript.models.task import FoldScores, Task


@pytest.fixture
def task():
    features = some_features()
    films = pd.DataFrame({"film_id": features.film_ids, "n_chars": [16_000, 12_000, 40_000]})
    return Task(films, np.array([1, 0, 0], np.int8), features.groups, features)


class Notes:
    """Keeps the task it was given."""

    name, config = "notes", {"model": "notes"}

    def fit_predict(self, task, train, test, *, seed):
        self.seen = (task, train, test, seed)
        return FoldScores(np.zeros(len(train)), np.zeros(len(test)))


def test_words_are_hidden_and_the_rest_stays(task):
    hidden = WordAblation(frozenset({"anna", "elsewhere"})).ablate(task).features
    assert hidden.words.vocabulary == ["may", "sees", "town"]
    assert hidden.chunks is task.features.chunks
    alone = WordAblation(frozenset({"anna", "elsewhere"}), keep_only=True).ablate(task).features
    assert alone.words.vocabulary == ["anna"]


def test_the_estimator_learns_and_judges_without_what_is_hidden(task):
    notes = Notes()
    train, test = np.array([0, 1]), np.array([2])
    FeatureAblation(notes, WordAblation(frozenset({"anna"}))).fit_predict(task, train, test, seed=7)
    seen, *rest = notes.seen
    assert "anna" not in seen.features.words.vocabulary
    assert seen.labels is task.labels
    assert [part.tolist() if hasattr(part, "tolist") else part for part in rest] == [[0, 1], [2], 7]
    assert "anna" in task.features.words.vocabulary


def test_the_opening_is_hidden_by_the_length_of_each_script(task):
    hidden = OpeningAblation().ablate(task).features.chunks
    assert hidden.counts.tolist() == [3, 5, 1]
    longer = replace(task, films=task.films.assign(n_chars=4_000_000))
    assert OpeningAblation().ablate(longer).features.chunks.counts.tolist() == [3, 7, 1]


def test_the_configuration_tells_masks_apart():
    masks = [
        WordAblation(frozenset({"anna"})),
        WordAblation(frozenset({"anna"}), keep_only=True),
        WordAblation(frozenset({"anna", "town"})),
        OpeningAblation(),
    ]
    configs = [
        json.dumps(FeatureAblation(Notes(), ablation).config, sort_keys=True) for ablation in masks
    ]
    assert len(set(configs)) == len(masks)
    assert json.loads(configs[0])["estimator"] == Notes.config
