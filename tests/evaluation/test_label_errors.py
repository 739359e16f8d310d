import numpy as np
import pytest
from scipy.special import softmax

from tests.evaluation.synthetic_documents import decided
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.evaluation.label_errors import (
    MATCHED_ROW,
    rank_label_issues,
    ranking_quality,
)

NAMES = ["world", "sport", "trade"]


def noisy(n=600, wrong_share=0.15, strength=4.0, seed=0):
    """Return predictions with labels of which some `sport` became `world`, and the true labels."""
    rng = np.random.default_rng(seed)
    true = np.arange(n) % 3
    labels = true.copy()
    rows = rng.choice(np.flatnonzero(true == 1), int(wrong_share * n), replace=False)
    labels[rows] = 0
    logits = rng.normal(size=(n, 3))
    logits[np.arange(n), true] += strength
    ids = [f"t{i}" for i in range(n)]
    return DocumentPredictions.from_probabilities(ids, NAMES, labels, softmax(logits, 1)), true


def test_flagged_documents_equal_the_definition():
    p, _ = noisy(n=90)
    rows = p.probabilities.astype(np.float64)
    thresholds = np.array([rows[p.labels == c, c].mean() for c in range(3)])
    # Northcutt, Jiang and Chuang 2021, equation 1, document by document.
    counted = np.zeros((3, 3))
    for label, row in zip(p.labels, rows, strict=True):
        confident = np.flatnonzero(row >= thresholds)
        if len(confident):
            counted[label, confident[row[confident].argmax()]] += 1
    flagged = rank_label_issues(p)["flagged"].sum()
    assert flagged == counted.sum() - np.trace(counted)


def test_planted_errors_are_ranked_first():
    p, true = noisy()
    wrong = p.labels != true
    table = rank_label_issues(p)
    assert table.columns.tolist() == [
        "row",
        "id",
        "label",
        "suggested_label",
        "label_quality",
        "flagged",
    ]
    assert sorted(table["row"]) == list(range(600))
    assert [p.ids[row] for row in table["row"]] == table["id"].tolist()
    assert wrong[table["row"].to_numpy()[:60]].mean() > 0.95
    assert table.iloc[0][["label", "suggested_label"]].tolist() == ["world", "sport"]
    assert table["label_quality"].is_monotonic_increasing
    rows = p.probabilities[table["row"]]
    p_label = rows[np.arange(600), p.labels[table["row"]]]
    other = np.where(np.eye(3, dtype=bool)[p.labels[table["row"]]], -1, rows).max(axis=1)
    assert table["label_quality"].to_numpy() == pytest.approx((p_label - other + 1) / 2, abs=1e-6)
    quality = ranking_quality(table, wrong)
    assert quality.random_precision == pytest.approx(0.15)
    assert quality.average_precision > 0.9
    assert quality.table.loc["flagged", "recall"] > 0.8


def test_precision_and_recall_at_each_share():
    p, _ = noisy(n=30)
    table = rank_label_issues(p)
    wrong = np.zeros(30, dtype=bool)
    wrong[table["row"].to_numpy()[[0, 2, 9, 20]]] = True
    quality = ranking_quality(table, wrong, shares=(0.1, 1.0))
    assert quality.table.loc["10%"].tolist() == pytest.approx([3, 2, 2 / 3, 2 / 4])
    assert quality.table.loc[MATCHED_ROW].tolist() == pytest.approx([4, 2, 2 / 4, 2 / 4])
    assert quality.table.loc["100%"].tolist() == pytest.approx([30, 4, 4 / 30, 1])
    expected = np.mean([1 / 1, 2 / 3, 3 / 10, 4 / 21])
    assert quality.average_precision == pytest.approx(expected)
    none = ranking_quality(table.assign(flagged=False), wrong).table.loc["flagged"]
    assert none.tolist() == [0, 0, 0, 0]


def test_a_random_ranking_has_the_precision_of_chance():
    p, true = noisy(n=3000, strength=0.0)
    quality = ranking_quality(rank_label_issues(p), p.labels != true)
    assert quality.average_precision == pytest.approx(quality.random_precision, abs=0.03)


def test_unusable_predictions_are_an_error():
    with pytest.raises(DataError, match=r"needs probabilities of all classes"):
        rank_label_issues(decided([0, 1, 2], [0, 1, 1], 3))
    rows = np.full((4, 3), 1 / 3)
    empty = DocumentPredictions.from_probabilities(
        list("abcd"), NAMES, np.array([0, 0, 1, 1]), rows
    )
    with pytest.raises(DataError, match=r"1 class\(es\) have no documents.*trade"):
        rank_label_issues(empty)


def test_rankings_that_cannot_be_evaluated_are_an_error():
    p, true = noisy(n=30)
    table, wrong = rank_label_issues(p), p.labels != true
    with pytest.raises(DataError, match=r"shape \(29,\); a value for each of the 30 ranked"):
        ranking_quality(table, wrong[1:])
    for known in (np.zeros(30), np.ones(30)):
        with pytest.raises(DataError, match=r"of 30 labels are wrong"):
            ranking_quality(table, known)
    with pytest.raises(ParameterError, match="above 0 and at most 1"):
        ranking_quality(table, wrong, shares=(0, 0.5, 1.5))
    with pytest.raises(DataError, match=r"no column 'label_quality'"):
        ranking_quality(table.drop(columns="label_quality"), wrong)
