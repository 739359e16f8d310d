from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.evaluation.synthetic_documents import classified, decided
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.evaluation.document_predictions import DocumentPredictions, check_same_documents


def made(**other):
    given_ones = {
        "ids": ["a", "b", "c"],
        "classes": ["x", "y", "z"],
        "labels": np.array([0, 1, 2]),
        "probabilities": np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]),
    }
    return DocumentPredictions.from_probabilities(**(given_ones | other))


def test_the_most_probable_class_is_predicted():
    p = made()
    assert p.predicted.tolist() == [0, 1, 0]
    assert p.confidence == pytest.approx([0.8, 0.5, 0.6])
    assert (p.labels.dtype, p.predicted.dtype) == (np.int64, np.int64)
    assert (p.confidence.dtype, p.probabilities.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"ids": ["a", "b"]}, r"labels has the shape \(3,\) for 2 texts"),
        ({"ids": ["a", "b", "b"]}, r"ids stand more than once: b"),
        ({"classes": ["x", "y", "y"]}, r"classes stand more than once: y"),
        ({"classes": ["x", "y"]}, r"labels of the text 'c' is 2: it must lie from 0 to 1"),
        ({"classes": list("wxyz")}, r"\(3, 3\) for 3 texts and 4 classes: it must be \(3, 4\)"),
        ({"labels": np.array([1, 1, 1])}, r"3 texts hold 1 class"),
        ({"labels": np.array([0, -1, 2])}, r"text 'b' is -1"),
        ({"labels": np.array([0.0, 1.0, 2.0])}, r"are float64: pass places"),
        ({"probabilities": np.array([0.1, 0.2, 0.7])}, r"one row a text"),
        ({"probabilities": np.full((3, 3), np.nan)}, r"of the text 'a' is nan"),
        ({"probabilities": np.full((3, 3), 0.5)}, r"'a' sum to 1.5000, not to 1"),
        ({"probabilities": np.array([[2.0, -1.0, 0.0]] * 3)}, r"it must lie from 0 to 1"),
    ],
)
def test_what_cannot_be_scored_is_refused(other, message):
    with pytest.raises(DataError, match=message):
        made(**other)


def test_one_value_that_is_no_number_is_found_where_it_stands():
    rows = made().probabilities.copy()
    rows[1, 0] = np.nan
    with pytest.raises(DataError, match=r"text 'b' is nan"):
        made(probabilities=rows)


def test_with_two_classes_a_decision_and_its_confidence_are_all_there_is():
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
def test_what_is_written_is_read_again(tmp_path, n_classes):
    p = classified(n=300, n_classes=n_classes)
    p.write(tmp_path / "deep" / "predictions.parquet")
    read = DocumentPredictions.read(tmp_path / "deep" / "predictions.parquet")
    check_same_documents([p, read])
    assert np.array_equal(read.predicted, p.predicted)
    assert np.abs(read.confidence - p.confidence).max() < 0.008
    if n_classes == 2:
        assert np.abs(read.probabilities - p.probabilities).max() < 0.008
    else:
        assert read.probabilities is None


def test_a_class_that_never_occurs_is_kept(tmp_path):
    decided([0, 1, 1], [0, 1, 0], 4).write(tmp_path / "p.parquet")
    read = DocumentPredictions.read(tmp_path / "p.parquet")
    assert read.classes == ["class 0", "class 1", "class 2", "class 3"]
    assert read.confidence is None


@settings(max_examples=50, deadline=None)
@given(arrays(np.float32, 20, elements=st.floats(0, 1, width=32)))
def test_what_is_lost_of_a_confidence_is_as_little_as_stated(confidence):
    labels = np.arange(20) % 3
    ids = [str(i) for i in range(20)]
    p = DocumentPredictions.from_predicted_labels(ids, ["a", "b", "c"], labels, labels, confidence)
    read = DocumentPredictions.from_frame(p.to_frame())
    lost = np.abs(read.confidence - p.confidence)
    # Half a step of 1/16 in log-odds moves a probability by at most 1/32 of p (1 - p).
    assert (lost <= 1.03 * confidence * (1 - confidence) / 32 + 2e-7).all()
    assert lost.max() <= 0.008
    assert DocumentPredictions.from_frame(read.to_frame()).to_frame().equals(read.to_frame())


def test_many_runs_fit_into_git(tmp_path):
    p = classified(n=25_000, n_classes=2, strength=3.0)
    p.write(tmp_path / "p.parquet")
    size = (tmp_path / "p.parquet").stat().st_size
    assert size < 40_000
    p.write(tmp_path / "q.parquet")
    assert (tmp_path / "q.parquet").read_bytes() == (tmp_path / "p.parquet").read_bytes()


def test_a_table_needs_its_columns_and_classes(tmp_path):
    frame = made().to_frame()
    with pytest.raises(DataError, match=r"no column 'predicted'"):
        DocumentPredictions.from_frame(frame.drop(columns="predicted"))
    with pytest.raises(DataError, match=r"'label' is no categorical"):
        DocumentPredictions.from_frame(frame.astype({"label": str}))
    strange = frame.assign(predicted=pd.Categorical(["x", "y", "other"]))
    with pytest.raises(DataError, match=r"predicted of the text 'c' is -1"):
        DocumentPredictions.from_frame(strange)
    made().write(tmp_path / "p.parquet")
    (tmp_path / "p.parquet").write_bytes((tmp_path / "p.parquet").read_bytes()[:-20])
    for name in ("p.parquet", "none.parquet"):
        with pytest.raises(RunError, match=rf"{name} of the run .* cannot be read"):
            DocumentPredictions.read(tmp_path / name)


def test_runs_are_of_the_same_texts():
    p = made()
    check_same_documents([p, p])
    with pytest.raises(ParameterError, match=r"none were given"):
        check_same_documents([])
    with pytest.raises(DataError, match=r"c, d only in one"):
        check_same_documents([p, replace(p, ids=["a", "b", "d"])])
    with pytest.raises(DataError, match=r"the same in another order"):
        check_same_documents([p, replace(p, ids=["b", "a", "c"])])
    with pytest.raises(DataError, match=r"other classes or labels"):
        check_same_documents([p, replace(p, labels=np.array([0, 2, 1]))])
    with pytest.raises(DataError, match=r"other classes or labels"):
        check_same_documents([p, replace(p, classes=["y", "x", "z"])])


def test_some_of_the_texts_keep_their_order():
    whole = classified(n=40)
    part = whole.select({"text7", "text2", "text30", "text1", "unknown"})
    assert part.ids == ["text1", "text2", "text7", "text30"]
    rows = [1, 2, 7, 30]
    for name in ("labels", "predicted", "confidence", "probabilities"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[rows])
