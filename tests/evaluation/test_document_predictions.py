from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.evaluation.synthetic_documents import classified, decided
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.document_predictions import DocumentPredictions, check_same_documents
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.store import RunStore


def stored(root, predictions):
    """Return predictions as they are read from a store."""
    run = RunStore(root).save("g/n", RunIdentity("kind", 1, {}, {}), {}, predictions=predictions)
    return run.predictions(DocumentPredictions)


def make(**changes):
    arguments = {
        "ids": ["a", "b", "c"],
        "classes": ["x", "y", "z"],
        "labels": np.array([0, 1, 2]),
        "probabilities": np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]),
    }
    return DocumentPredictions.from_probabilities(**(arguments | changes))


def test_the_most_probable_class_is_predicted():
    p = make()
    assert p.predicted.tolist() == [0, 1, 0]
    assert p.confidence == pytest.approx([0.8, 0.5, 0.6])
    assert (p.labels.dtype, p.predicted.dtype) == (np.int64, np.int64)
    assert (p.confidence.dtype, p.probabilities.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ["a", "b"]}, r"labels has the shape \(3,\); \(2,\) is needed for 2 documents"),
        ({"ids": ["a", "b", "b"]}, r"ids are not unique: b"),
        ({"classes": ["x", "y", "y"]}, r"classes are not unique: y"),
        ({"classes": ["x", "y"]}, r"labels of the document 'c' is 2; it must lie from 0 to 1"),
        ({"classes": list("wxyz")}, r"\(3, 3\); \(3, 4\) is needed for 3 documents and 4 classes"),
        ({"labels": np.array([1, 1, 1])}, r"the 3 documents are of 1 class"),
        ({"labels": np.array([0, -1, 2])}, r"document 'b' is -1"),
        ({"labels": np.array([0.0, 1.0, 2.0])}, r"are float64: pass positions"),
        ({"probabilities": np.array([0.1, 0.2, 0.7])}, r"\(n, classes\) is needed"),
        ({"probabilities": np.full((3, 3), np.nan)}, r"of the document 'a' is nan"),
        ({"probabilities": np.full((3, 3), 0.5)}, r"'a' sum to 1.5000, not to 1"),
        ({"probabilities": np.array([[2.0, -1.0, 0.0]] * 3)}, r"it must lie from 0 to 1"),
    ],
)
def test_invalid_predictions_are_an_error(changes, message):
    with pytest.raises(DataError, match=message):
        make(**changes)


def test_the_error_names_the_document_of_a_nan():
    rows = make().probabilities.copy()
    rows[1, 0] = np.nan
    with pytest.raises(DataError, match=r"document 'b' is nan"):
        make(probabilities=rows)


def test_probabilities_of_two_classes_follow_from_the_confidence():
    p = DocumentPredictions.from_predicted_labels(
        ["a", "b", "c"], ["no", "yes"], np.array([0, 1, 1]), np.array([0, 1, 0]), [0.9, 0.8, 0.6]
    )
    assert p.probabilities == pytest.approx(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    many = classified(n_classes=3)
    alone = DocumentPredictions.from_predicted_labels(
        many.ids, many.classes, many.labels, many.predicted, many.confidence
    )
    assert alone.probabilities is None
    assert decided([0, 1], [0, 0], 2).confidence is None


@pytest.mark.parametrize("n_classes", [2, 5])
def test_predictions_survive_a_round_trip(tmp_path, n_classes):
    p = classified(n=300, n_classes=n_classes)
    read = stored(tmp_path, p)
    check_same_documents([p, read])
    assert np.array_equal(read.predicted, p.predicted)
    assert np.abs(read.confidence - p.confidence).max() < 0.008
    if n_classes == 2:
        assert np.abs(read.probabilities - p.probabilities).max() < 0.008
    else:
        assert read.probabilities is None


def test_a_class_without_documents_is_kept(tmp_path):
    read = stored(tmp_path, decided([0, 1, 1], [0, 1, 0], 4))
    assert read.classes == ["class 0", "class 1", "class 2", "class 3"]
    assert read.confidence is None


@settings(max_examples=50, deadline=None)
@given(arrays(np.float32, 20, elements=st.floats(0, 1, width=32)))
def test_stored_confidences_have_the_documented_precision(confidence):
    labels = np.arange(20) % 3
    ids = [str(i) for i in range(20)]
    p = DocumentPredictions.from_predicted_labels(ids, ["a", "b", "c"], labels, labels, confidence)
    read = DocumentPredictions.from_frame(p.to_frame())
    lost = np.abs(read.confidence - p.confidence)
    # Half a step of 1/16 in log-odds moves a probability by at most 1/32 of p (1 - p).
    assert (lost <= 1.03 * confidence * (1 - confidence) / 32 + 2e-7).all()
    assert lost.max() <= 0.008
    assert DocumentPredictions.from_frame(read.to_frame()).to_frame().equals(read.to_frame())


def test_a_stored_file_is_small(tmp_path):
    p = classified(n=25_000, n_classes=2, strength=3.0)
    stored(tmp_path, p)
    assert (tmp_path / "g" / DocumentPredictions.FILE).stat().st_size < 40_000


def test_a_table_needs_its_columns_and_classes():
    frame = make().to_frame()
    with pytest.raises(DataError, match=r"no column 'predicted'"):
        DocumentPredictions.from_frame(frame.drop(columns="predicted"))
    with pytest.raises(DataError, match=r"'label' is not categorical"):
        DocumentPredictions.from_frame(frame.astype({"label": str}))
    strange = frame.assign(predicted=pd.Categorical(["x", "y", "other"]))
    with pytest.raises(DataError, match=r"predicted of the document 'c' is -1"):
        DocumentPredictions.from_frame(strange)


def test_pairing_needs_the_same_documents():
    p = make()
    check_same_documents([p, p])
    with pytest.raises(ParameterError, match=r"at least one training seed"):
        check_same_documents([])
    with pytest.raises(DataError, match=r"only in one: c, d"):
        check_same_documents([p, replace(p, ids=["a", "b", "d"])])
    with pytest.raises(DataError, match=r"in another order"):
        check_same_documents([p, replace(p, ids=["b", "a", "c"])])
    with pytest.raises(DataError, match=r"different classes or labels"):
        check_same_documents([p, replace(p, labels=np.array([0, 2, 1]))])
    with pytest.raises(DataError, match=r"different classes or labels"):
        check_same_documents([p, replace(p, classes=["y", "x", "z"])])


def test_selected_documents_keep_their_order():
    whole = classified(n=40)
    part = whole.select({"doc7", "doc2", "doc30", "doc1", "unknown"})
    assert part.ids == ["doc1", "doc2", "doc7", "doc30"]
    rows = [1, 2, 7, 30]
    for name in ("labels", "predicted", "confidence", "probabilities"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[rows])
