import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.training.planted import D
from wholescript.data.films.folds import Fold
from wholescript.models.films.mean_embedding import MeanPoolingLR
from wholescript.studies.screenplays.attention import attention_profile
from wholescript.studies.screenplays.models.configurations import aggregators, parameter_table
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.loop import TrainConfig

QUICK = TrainConfig(epochs=15, learning_rate=1e-2, patience=3)
OPTIONS = {
    "gated_attention": {"d_model": 16, "d_attention": 8},
    "query_decoder": {"d_model": 16, "n_head": 2, "d_feedforward": 16, "n_queries": 2},
}


@pytest.fixture(params=OPTIONS)
def estimator(request):
    name = request.param
    return MILClassifier(
        name,
        D,
        n_inner_folds=3,
        batch_size=16,
        train_config=QUICK,
        aggregator_options=OPTIONS[name],
    )


@pytest.fixture
def brief(estimator):
    """The estimator with three epochs."""
    return replace(estimator, train_config=replace(QUICK, epochs=3))


def test_planted_signal_is_learned(estimator, dataset, rows):
    train, test = rows
    scores = estimator.fit_predict(dataset, train, test, seed=0)
    assert scores.test.shape == test.shape
    assert scores.inner.shape == train.shape
    assert ((scores.inner > 0) & (scores.inner < 1)).all()
    assert ((scores.test > 0) & (scores.test < 1)).all()
    assert roc_auc_score(dataset.labels[test], scores.test) > 0.8
    assert roc_auc_score(dataset.labels[train], scores.inner) > 0.8
    assert {row["inner_fold"] for row in scores.history} == {0, 1, 2}
    assert len(str(scores.chosen["best_epochs"]).split()) == 3


def test_test_films_do_not_influence_training(brief, dataset, rows):
    train, test = rows
    labels, codes = dataset.labels.copy(), dataset.features.chunks.codes.copy()
    labels[test] = 1 - labels[test]
    for row in test[1:]:
        offsets = dataset.features.chunks.offsets
        codes[offsets[row] : offsets[row + 1]] = 99
    chunks = replace(dataset.features.chunks, codes=codes)
    other = replace(dataset, labels=labels, features=SimpleNamespace(chunks=chunks))
    seen = brief.fit_predict(dataset, train, test, seed=0)
    changed = brief.fit_predict(other, train, test, seed=0)
    np.testing.assert_array_equal(seen.inner, changed.inner)
    # The first test film kept its chunks; only its padding in the batch differs.
    assert seen.test[0] == pytest.approx(changed.test[0], abs=1e-6)
    assert seen.history == changed.history
    assert seen.chosen == changed.chosen


def test_scores_depend_on_the_seed_only(brief, dataset, rows):
    first, second, other = (brief.fit_predict(dataset, *rows, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test, second.test)
    np.testing.assert_array_equal(first.inner, second.inner)
    assert first.history == second.history
    assert not np.array_equal(first.test, other.test)


def test_config_is_json_with_all_fields(estimator):
    config = json.loads(json.dumps(estimator.config))
    assert config["architecture"] == estimator.architecture
    assert config["train_config"]["learning_rate"] == QUICK.learning_rate
    assert config["aggregator_options"] == OPTIONS[estimator.architecture]
    changed = replace(estimator, train_config=replace(QUICK, epochs=16))
    assert changed.config != estimator.config


def test_equal_chunks_get_uniform_attention(dataset, rows):
    alike = replace(dataset.features.chunks, codes=np.full_like(dataset.features.chunks.codes, 7))
    same = replace(dataset, features=SimpleNamespace(chunks=alike))
    settings = replace(QUICK, epochs=1)
    model = MILClassifier("gated_attention", D, n_inner_folds=3, train_config=settings)
    profile = attention_profile(model, same, Fold(0, 0, *rows), n_bins=4)
    np.testing.assert_allclose(profile, 1, rtol=1e-5)


def test_attention_profile_raises_for_a_model_without_attention(dataset, rows):
    with pytest.raises(TypeError, match="mean-pooling has no attention"):
        attention_profile(MeanPoolingLR(), dataset, Fold(0, 0, *rows))


def test_parameter_table(dataset):
    chunks = dataset.features.chunks
    table = parameter_table(aggregators(epochs=1, n_inner_folds=2), chunks)
    assert table.loc["mean pooling"].tolist() == [D, D + 1]
    # 64 -> 64, twice 64 -> 32, 32 -> 1 without and 64 -> 1 with a constant.
    expected = 64 * 65 + 2 * 32 * 65 + 32 + 65
    assert table.loc["gated attention"].tolist() == [64, expected]
