from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest

from tests.training.planted import D, N, corpus
from wholescript.data.films.folds import inner_folds
from wholescript.models.task import Task
from wholescript.studies.screenplays.models.aggregation import MILClassifier
from wholescript.studies.screenplays.search.trial import iter_trial_epochs
from wholescript.training.loop import TrainConfig, fit

SETTINGS = TrainConfig(epochs=9, learning_rate=2e-2, patience=2)
ESTIMATOR = MILClassifier(
    "gated_attention", D, batch_size=16, training=SETTINGS, aggregator_options={"d_model": 8}
)


@pytest.fixture
def task(films):
    labels, chunks = corpus()
    groups = films["film_id"].to_numpy(object)
    return Task(films, labels, groups, SimpleNamespace(chunks=chunks))


@pytest.fixture
def folds(task):
    return inner_folds(task.labels, task.groups, np.arange(N), n_folds=2, seed=0)


def test_scores_are_means_over_the_folds_of_their_best_epochs(task, folds, tmp_path):
    rows = list(iter_trial_epochs(ESTIMATOR, task, folds, tmp_path, seed=3))
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
    histories = []
    for fold in folds:
        seed = int(np.random.SeedSequence([3, fold.fold]).generate_state(1)[0])
        sides = ESTIMATOR.batches(task, fold.train, fold.train, fold.test)
        # The weights stored for a fold are not needed: a finished checkpoint gives its history.
        path = tmp_path / f"fold-{fold.fold}.safetensors"
        histories.append(
            fit(ESTIMATOR.build(), *sides, SETTINGS, seed=seed, checkpoint=path).history
        )
    assert len(rows) == max(map(len, histories))
    for row in rows:
        seen = [history[: row["epoch"]] for history in histories]
        best = [min(history, key=lambda r: r["held_out_loss"]) for history in seen]
        for name in ("held_out_loss", "held_out_auc"):
            assert row[name] == pytest.approx(np.mean([r[name] for r in best]))


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_trial_that_is_begun_again_yields_the_same(task, folds, tmp_path, epochs):
    whole = list(iter_trial_epochs(ESTIMATOR, task, folds, tmp_path / "whole", seed=0))
    assert len(whole) > epochs
    begun = list(islice(iter_trial_epochs(ESTIMATOR, task, folds, tmp_path, seed=0), epochs))
    assert begun == whole[:epochs]
    # One fold was an epoch ahead when the trial was killed.
    list(islice(iter_trial_epochs(ESTIMATOR, task, folds[:1], tmp_path, seed=0), epochs + 1))
    assert list(iter_trial_epochs(ESTIMATOR, task, folds, tmp_path, seed=0)) == whole
