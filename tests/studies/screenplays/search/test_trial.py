from itertools import islice

import numpy as np
import pytest

from tests.training.planted import D, N
from wholescript.data.films.folds import inner_folds
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.studies.screenplays.search.trial import iter_trial_epochs
from wholescript.training.loop import TrainConfig, fit
from wholescript.training.seeds import derive_seed

SETTINGS = TrainConfig(epochs=9, learning_rate=2e-2, patience=2)
ESTIMATOR = MILClassifier(
    "gated_attention", D, batch_size=16, train_config=SETTINGS, aggregator_options={"d_model": 8}
)


@pytest.fixture
def folds(dataset):
    return inner_folds(dataset.labels, dataset.groups, np.arange(N), n_folds=2, seed=0)


def test_scores_are_means_of_the_best_epoch_of_each_fold(dataset, folds, tmp_path):
    rows = list(iter_trial_epochs(ESTIMATOR, dataset, folds, tmp_path, seed=3))
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
    histories = []
    for fold in folds:
        seed = derive_seed(3, fold.fold)
        loaders = ESTIMATOR.loaders(dataset, fold.train, fold.train, fold.test)
        # A finished checkpoint gives the history without training.
        path = tmp_path / f"fold-{fold.fold}.safetensors"
        histories.append(
            fit(ESTIMATOR.build(), *loaders, SETTINGS, seed=seed, checkpoint=path).history
        )
    assert len(rows) == max(map(len, histories))
    for row in rows:
        seen = [history[: row["epoch"]] for history in histories]
        best = [min(history, key=lambda r: r["val_loss"]) for history in seen]
        for name in ("val_loss", "val_auc"):
            assert row[name] == pytest.approx(np.mean([r[name] for r in best]))


@pytest.mark.parametrize("epochs", [1, 4])
def test_restarted_trial_yields_the_same_rows(dataset, folds, tmp_path, epochs):
    whole = list(iter_trial_epochs(ESTIMATOR, dataset, folds, tmp_path / "whole", seed=0))
    assert len(whole) > epochs
    begun = list(islice(iter_trial_epochs(ESTIMATOR, dataset, folds, tmp_path, seed=0), epochs))
    assert begun == whole[:epochs]
    # When the trial was interrupted, one fold was an epoch ahead.
    list(islice(iter_trial_epochs(ESTIMATOR, dataset, folds[:1], tmp_path, seed=0), epochs + 1))
    assert list(iter_trial_epochs(ESTIMATOR, dataset, folds, tmp_path, seed=0)) == whole
