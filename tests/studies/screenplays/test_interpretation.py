import numpy as np
import pytest

from tests.studies.screenplays.predictive_end import predictive_end
from wholescript.data.films.folds import repeated_folds
from wholescript.models.films.mean_embedding import MeanPoolingLR
from wholescript.studies.screenplays.interpretation import (
    interval_table,
    occlusion_metrics,
    occlusion_table,
    quarter_ablation_metrics,
)
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.training.loop import TrainConfig

N, N_PARTS = 60, 4


@pytest.fixture
def dataset():
    return predictive_end(N)


@pytest.fixture
def folds(dataset):
    return repeated_folds(dataset.labels, dataset.groups, n_folds=2, n_repeats=2, seed=0)


def test_occlusion_finds_the_predictive_part(dataset, folds):
    config = TrainConfig(epochs=2)
    network = MILClassifier("gated_attention", 2, 2, 16, config, {"d_model": 8, "d_attention": 4})
    models = {"mean pooling": MeanPoolingLR(Cs=(1.0,)), "gated attention": network}
    found = occlusion_metrics(models, dataset, folds, n_parts=N_PARTS, seed=0)
    table = occlusion_table(found, "class_difference")
    assert table.groupby("model").size().to_dict() == {name: N_PARTS for name in models}
    mean = table[table["model"] == "mean pooling"].set_index("part")
    assert mean["value"].idxmax() == 3 and mean.loc[3, "low"] > 0
    assert found["last-fifth-of-mean-pooling:class_difference"].value == pytest.approx(
        mean.loc[3, "value"]
    )
    changes = occlusion_table(found, "relative_change").groupby("model")["value"].mean()
    np.testing.assert_allclose(changes, 1)
    agreement = interval_table(found, ":rank_correlation")
    assert set(agreement.index) == {
        "attention of gated attention",
        "occlusion of mean pooling and gated attention",
    }
    assert (agreement["low"] <= agreement["high"]).all()


def test_ablation_of_the_predictive_quarter_lowers_auc(dataset, folds):
    found = quarter_ablation_metrics(MeanPoolingLR(Cs=(1.0,)), dataset, folds, seed=0)
    table = interval_table(found, ":auc_change")
    assert table.index.tolist() == [f"without quarter {q}" for q in range(1, 5)]
    assert table["value"].idxmin() == "without quarter 4"
    assert table.loc["without quarter 4", "high"] < -0.1
