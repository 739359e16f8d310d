from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from tests.evaluation.synthetic_documents import classified, decided
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.document_comparison import (
    compare,
    confused_pairs,
    error_rate_ratio,
    mcnemar,
    mean_confusion_matrix,
    paired_difference,
    per_class_metrics,
)
from wholescript.evaluation.document_metrics import bootstrap


def seeds_of(strength, n_seeds=3, n=300, first=0):
    return [classified(n=n, seed=first + seed, strength=strength) for seed in range(n_seeds)]


def corrupted(p, n, seed=0):
    """Replace the predictions of `n` documents by wrong ones."""
    rows = np.random.default_rng(seed).choice(len(p.labels), n, replace=False)
    predicted = p.predicted.copy()
    predicted[rows] = (p.labels[rows] + 1) % len(p.classes)
    return replace(p, predicted=predicted, confidence=None, probabilities=None)


def test_the_difference_of_a_model_from_itself_is_zero():
    p = seeds_of(2.0, n_seeds=1)
    table = paired_difference(p, p, n_bootstrap=100)
    assert (table[["value", "low", "high"]] == 0).all(axis=None)
    assert (table["p"] == 1).all()
    assert mcnemar(p, p) == 1


def test_differences_equal_those_of_the_metrics():
    a, b = seeds_of(2.0), seeds_of(1.0, n_seeds=2, first=7)
    table = paired_difference(a, b, n_bootstrap=200)
    values = [
        bootstrap(r, ["accuracy", "macro_f1"], n_bootstrap=10)["value"].to_numpy() for r in (a, b)
    ]
    assert table["value"].to_numpy() == pytest.approx(values[0] - values[1])
    assert (table["low"] > 0).all()
    assert table["p"].tolist() == pytest.approx([2 / 201] * 2)
    reversed_ = paired_difference(b, a, n_bootstrap=200)
    assert reversed_["value"].to_numpy() == pytest.approx(-table["value"].to_numpy())


def test_pairing_narrows_the_interval():
    p = seeds_of(1.0, n_seeds=1)
    near = [corrupted(p[0], 10)]
    pair = paired_difference(p, near, ["accuracy"], n_bootstrap=400).loc[0]
    alone = bootstrap(p, ["accuracy"], n_bootstrap=400).loc[0]
    assert pair["high"] - pair["low"] < (alone["high"] - alone["low"]) / 2


def test_the_interval_includes_the_variance_of_seeds():
    # One seed of a is significantly better than one of b; over seeds the difference is not.
    base = classified(n=300, strength=3.0)
    a = [corrupted(base, n, seed=n) for n in (10, 60, 110)]
    b = [corrupted(base, n, seed=n + 1) for n in (50, 70, 120)]
    lucky = paired_difference(a[:1], b[:1], ["accuracy"], n_bootstrap=500).loc[0]
    all_seeds = paired_difference(a, b, ["accuracy"], n_bootstrap=500).loc[0]
    assert lucky["low"] > 0
    assert all_seeds["low"] < 0 < all_seeds["value"]


def test_intervals_over_documents_and_seeds_have_at_least_nominal_coverage():
    # The expected accuracy of a seed is drawn around 0.7 and 0.65; documents are independent.
    n, covered, rejected = 200, 0, 0
    for trial in range(150):
        rng = np.random.default_rng(trial)
        labels = np.arange(n) % 2
        runs = []
        for mean in (0.70, 0.65):
            skill = rng.normal(mean, 0.03, size=4)
            runs.append(
                [decided(labels, np.where(rng.random(n) < s, labels, 1 - labels), 2) for s in skill]
            )
        found = paired_difference(*runs, ["accuracy"], n_bootstrap=200).loc[0]
        covered += found["low"] <= 0.05 <= found["high"]
        rejected += (found["p"] < 0.05) != (found["low"] > 0 or found["high"] < 0)
    assert covered >= 135  # 95% of 150 is 142; the intervals are conservative
    assert rejected <= 5  # the interval excludes 0 where p < 0.05


def test_the_error_rate_ratio_equals_that_of_the_counts():
    p = decided(np.arange(600) % 3, np.arange(600) % 3, 3)
    worse, better = [corrupted(p, 60)], [corrupted(p, 30, seed=1)]
    value, low, high = error_rate_ratio(better, worse)
    assert value == pytest.approx(0.5)
    assert 0.25 < low < value < high < 0.9
    assert error_rate_ratio(worse, worse) == (1, 1, 1)
    assert np.isnan(error_rate_ratio(worse, [p])).all()


def test_mcnemar_is_the_sign_test_of_discordant_documents():
    labels = np.arange(40) % 4
    wrong = (labels + 1) % 4
    a = decided(labels, np.where(np.arange(40) < 9, wrong, labels), 4)
    b = decided(labels, np.where(np.arange(40) >= 38, wrong, labels), 4)
    # 9 against 2: twice the binomial probability of at most 2 of 11.
    exact = 2 * (1 + 11 + 55) / 2**11
    assert mcnemar([a], [b]) == pytest.approx(exact)
    assert mcnemar([b], [a]) == pytest.approx(exact)
    assert mcnemar([a, a], [b]) == pytest.approx(2 * exact)
    assert mcnemar([a, b], [b]) == 1  # one of the two pairs has p = 1


def test_models_are_compared_with_a_baseline():
    runs = {
        "linear": seeds_of(1.0),
        "strong": seeds_of(2.5, first=10),
        "same": seeds_of(1.0, first=20),
    }
    table = compare(runs, baseline="linear", n_bootstrap=300)
    assert table[["metric", "model"]].to_numpy().tolist() == [
        ["accuracy", "strong"],
        ["accuracy", "same"],
        ["macro_f1", "strong"],
        ["macro_f1", "same"],
    ]
    rows = table.set_index(["metric", "model"])
    assert rows.loc[("accuracy", "strong"), "p_holm"] == pytest.approx(4 / 301)
    assert rows.loc[("accuracy", "strong"), "mcnemar_holm"] < 0.01
    assert rows.loc[("macro_f1", "same"), "p_holm"] > 0.05
    assert rows["mcnemar"].isna().tolist() == [False, False, True, True]
    alone = paired_difference(runs["same"], runs["linear"], n_bootstrap=300)
    assert rows.loc[("macro_f1", "same"), "difference_low"] == alone.loc[1, "low"]
    assert table.dtypes.drop(["metric", "model"]).eq(np.float64).all()


def test_comparisons_need_a_baseline_and_the_same_documents():
    p = seeds_of(1.0, n_seeds=1)
    with pytest.raises(ParameterError, match=r"unknown baseline 'svm'; models: a, b"):
        compare({"a": p, "b": p}, baseline="svm")
    with pytest.raises(ParameterError, match=r"'a' is the only model"):
        compare({"a": p}, baseline="a")
    with pytest.raises(ParameterError, match=r"\['ece'\].*accuracy"):
        paired_difference(p, p, ["ece"])
    other = seeds_of(1.0, n_seeds=1, n=299)
    for test in (paired_difference, mcnemar):
        with pytest.raises(DataError, match=r"only in one: doc299"):
            test(p, other)
    with pytest.raises(ParameterError, match=r"at least one training seed"):
        per_class_metrics([])


def test_confused_pairs_are_sorted_by_their_number():
    labels = np.repeat(np.arange(5), 20)
    first, second = labels.copy(), labels.copy()
    first[40:47], second[40:45] = 4, 4  # class 2 predicted as class 4, in 6 documents on average
    first[80:83], second[80:82] = 2, 2
    first[0] = 1
    by_seed = [decided(labels, first, 5), decided(labels, second, 5)]
    table = confused_pairs(by_seed)
    assert table.iloc[0].to_dict() == {
        "label": "class 2",
        "predicted": "class 4",
        "n_errors": 6.0,
        "share": 0.3,
        "n_reversed": 2.5,
        "n_total": 8.5,
    }
    assert table.iloc[1][["label", "predicted", "n_errors"]].tolist() == ["class 0", "class 1", 0.5]
    assert len(table) == 2
    assert len(confused_pairs(by_seed, top=1)) == 1
    assert mean_confusion_matrix(by_seed).loc["class 2"].tolist() == [0, 0, 14, 0, 6]
    assert confused_pairs([decided(labels, labels, 5)]).empty


def test_per_class_metrics_equal_scikit_learn():
    several = seeds_of(1.0, n_seeds=2)
    table = per_class_metrics(several)
    expected = np.mean(
        [precision_recall_fscore_support(p.labels, p.predicted) for p in several], axis=0
    )
    for name, values in zip(["precision", "recall", "f1", "support"], expected, strict=True):
        assert table[name].tolist() == pytest.approx(values.tolist())
    assert list(table.index) == several[0].classes
    never = per_class_metrics([decided([0, 1, 1], [0, 0, 0], 3)])
    assert never["precision"].tolist() == pytest.approx([1 / 3, 0, 0])
    assert never["support"].tolist() == [1, 2, 0]


def test_predictions_of_other_texts_with_the_same_row_numbers_are_refused() -> None:
    p, other = classified(), classified(seed=1)
    ours, theirs = replace(p, fingerprints=("aa", "bb")), replace(other, fingerprints=("cc",))
    for paired in (paired_difference, mcnemar, error_rate_ratio):
        with pytest.raises(DataError, match=r"different texts \(fingerprints aa and cc\)"):
            paired([ours], [theirs])
    with pytest.raises(DataError, match="b and a: predictions of different texts"):
        compare({"a": [ours], "b": [theirs]}, baseline="a", n_bootstrap=10)
    # One fingerprint in common is enough; without any, only row numbers and labels are compared.
    assert mcnemar([ours], [replace(other, fingerprints=("bb",))]) == mcnemar([p], [other])
    assert mcnemar([ours], [other]) == mcnemar([p], [other])
    assert ours.select(["doc1", "doc2", "doc3", "doc4"]).fingerprints == ("aa", "bb")
