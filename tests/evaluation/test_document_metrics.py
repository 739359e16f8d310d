import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
)

from tests.evaluation.synthetic_documents import classified, decided
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.confusion import macro_f1_from_counts, mcc_from_counts
from wholescript.evaluation.document_metrics import (
    LABEL_METRICS,
    METRICS,
    bootstrap,
    label_metrics,
)
from wholescript.evaluation.document_predictions import DocumentPredictions


def values(predictions_by_seed, metrics=METRICS, **options):
    return bootstrap(predictions_by_seed, metrics, n_bootstrap=20, **options).set_index("metric")[
        "value"
    ]


def sklearn_metrics(labels, predicted):
    return [
        accuracy_score(labels, predicted),
        f1_score(labels, predicted, average="macro", zero_division=0),
        f1_score(labels, predicted, average="weighted", zero_division=0),
        matthews_corrcoef(labels, predicted),
    ]


@pytest.mark.parametrize("n_classes", [2, 7])
def test_metrics_equal_scikit_learn(n_classes):
    p = classified(n_classes=n_classes)
    found = values([p])
    assert found[list(LABEL_METRICS)].tolist() == pytest.approx(
        sklearn_metrics(p.labels, p.predicted)
    )
    rows = p.probabilities.astype(np.float64)
    rows /= rows.sum(axis=1, keepdims=True)
    assert found["log_loss"] == pytest.approx(log_loss(p.labels, rows), rel=1e-5)
    truth = brier_score_loss(p.labels, rows[:, 1] if n_classes == 2 else rows)
    assert found["brier"] == pytest.approx(truth, rel=1e-5)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=40, deadline=None)
@given(
    arrays(np.int64, 30, elements=st.integers(0, 4)),
    arrays(np.int64, 30, elements=st.integers(0, 4)),
    st.integers(0, 1000),
)
def test_resampled_metrics_equal_scikit_learn_on_the_resample(labels, predicted, seed):
    labels[:2] = 0, 1  # at least two classes
    p = decided(labels, predicted, 5)
    assert label_metrics([p])[0, :, 0] == pytest.approx(sklearn_metrics(labels, predicted))
    # The same draws of cells, expanded into documents.
    cells, counts = np.unique(np.column_stack([labels, predicted]), axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(30, counts / 30, size=3)
    resampled = label_metrics([p], 3, np.random.default_rng(seed))[0]
    for column, weights in enumerate(drawn):
        documents = np.repeat(cells, weights, axis=0)
        assert resampled[:, column] == pytest.approx(sklearn_metrics(*documents.T))


def test_two_classes_give_the_binary_metrics_of_films():
    p = classified(n_classes=2, strength=1.0)
    predicted, positive = p.predicted == 1, p.labels == 1
    cells = (
        predicted & positive,
        predicted & ~positive,
        ~predicted & positive,
        ~predicted & ~positive,
    )
    table = [np.array([float(cell.sum())]) for cell in cells]
    found = values([p])
    assert found["macro_f1"] == pytest.approx(macro_f1_from_counts(*table)[0])
    assert found["mcc"] == pytest.approx(mcc_from_counts(*table)[0])


def test_ece_is_the_mean_gap_of_the_bins():
    # Two distinct confidences, so that the gap of each bin is known.
    n, confidence = 300, np.repeat([0.6, 0.9], 150)
    correct = np.concatenate([np.arange(150) < 120, np.arange(150) < 120])  # 80% in both
    labels = np.arange(n) % 3
    predicted = np.where(correct, labels, (labels + 1) % 3)
    ids = [str(i) for i in range(n)]
    p = DocumentPredictions.from_predicted_labels(
        ids, ["a", "b", "c"], labels, predicted, confidence
    )
    found = values([p])
    assert found["ece"] == pytest.approx((0.2 + 0.1) / 2, abs=1e-6)
    assert list(found.index) == [*LABEL_METRICS, "ece"]
    random = classified(n=6000, n_classes=3, strength=0.0)
    labels = (random.probabilities.cumsum(1) < np.random.default_rng(0).random((6000, 1))).sum(1)
    calibrated = DocumentPredictions.from_probabilities(
        random.ids, random.classes, np.minimum(labels, 2), random.probabilities
    )
    assert values([calibrated])["ece"] < 0.03


def test_metrics_of_probabilities_are_left_out_without_probabilities():
    p = decided([0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 0, 0], 3)
    assert bootstrap([p], n_bootstrap=10)["metric"].tolist() == list(LABEL_METRICS)
    assert bootstrap([p], ["mcc"], n_bootstrap=10)["metric"].tolist() == ["mcc"]
    with pytest.raises(ParameterError, match=r"\['f1'\].*macro_f1"):
        bootstrap([p], ["f1"])


def test_log_loss_of_a_certain_error_is_clipped():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    p = DocumentPredictions.from_probabilities(
        list("abc"), ["no", "yes"], np.array([0, 1, 1]), rows
    )
    assert values([p])["log_loss"] == pytest.approx(log_loss(p.labels, p.probabilities), rel=1e-5)


def test_value_and_std_are_over_seeds():
    run = [classified(seed=seed) for seed in range(3)]
    alone = [values([p]) for p in run]
    table = bootstrap(run, n_bootstrap=200).set_index("metric")
    assert table["value"].to_numpy() == pytest.approx(np.mean(alone, axis=0))
    assert table["std"].to_numpy() == pytest.approx(np.std(alone, axis=0, ddof=1))
    assert bootstrap(run, n_bootstrap=50).equals(bootstrap(run, n_bootstrap=50))
    assert not bootstrap(run, n_bootstrap=50).equals(bootstrap(run, n_bootstrap=50, seed=1))
    assert bootstrap(run[:1], n_bootstrap=10)["std"].isna().all()
    with pytest.raises(DataError, match=r"cannot be paired"):
        bootstrap([run[0], classified(n=100)])


def test_intervals_over_documents_have_their_nominal_coverage():
    # A known joint distribution of labels and predictions: accuracy 0.7, its own macro-F1.
    joint = np.array([[0.30, 0.05, 0.05], [0.05, 0.25, 0.05], [0.05, 0.05, 0.15]])
    f1 = 2 * joint.diagonal() / (joint.sum(0) + joint.sum(1))
    truth = {"accuracy": 0.7, "macro_f1": f1.mean()}
    covered = dict.fromkeys(truth, 0)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        cells = rng.choice(9, size=300, p=joint.ravel())
        p = decided(cells // 3, cells % 3, 3)
        table = bootstrap([p], list(truth), n_bootstrap=200).set_index("metric")
        for name, value in truth.items():
            covered[name] += table.loc[name, "low"] <= value <= table.loc[name, "high"]
    # 95% of 200 is 190, with a standard deviation of 3.
    assert min(covered.values()) >= 180
    assert max(covered.values()) <= 199


def test_intervals_are_wider_where_seeds_differ():
    weak, strong = classified(strength=1.0), classified(strength=3.0)
    equal_seeds = bootstrap([weak, weak, weak], ["accuracy"], n_bootstrap=400).loc[0]
    unequal_seeds = bootstrap([weak, strong, weak], ["accuracy"], n_bootstrap=400).loc[0]
    assert equal_seeds["std"] == 0
    assert unequal_seeds["high"] - unequal_seeds["low"] > 2 * (
        equal_seeds["high"] - equal_seeds["low"]
    )


def test_both_kinds_of_metrics_have_the_same_interval():
    # With confidence 0 the ECE equals the accuracy; the two are resampled in different ways.
    labels = np.arange(400) % 4
    predicted = np.where(np.arange(400) % 5 == 0, (labels + 1) % 4, labels)
    ids, names = [str(i) for i in range(400)], list("abcd")
    p = DocumentPredictions.from_predicted_labels(ids, names, labels, predicted, np.zeros(400))
    table = bootstrap([p], ["accuracy", "ece"], n_bootstrap=2000).set_index("metric")
    assert table.loc["ece", "value"] == table.loc["accuracy", "value"] == 0.8
    assert table.loc["ece", ["low", "high"]].tolist() == pytest.approx(
        table.loc["accuracy", ["low", "high"]].tolist(), abs=0.01
    )
