import numpy as np
import pytest

from wholescript.data.checks import check_labelled_documents, check_texts, require_columns
from wholescript.errors import BundleError, DataError


def test_missing_column_error_lists_columns_and_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match=r"no column 'film_id'.*id_film.*mean 'filmid'"):
        require_columns(["filmid", "id_film", "text"], ["text", "film_id"], "own.parquet")
    with pytest.raises(BundleError):
        require_columns(["a"], ["zzz"], "films.parquet", BundleError)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "is empty"),
        ("a single text", "is a single string"),
        (["a", " \n", "b", ""], r"2 of the 4 mails are empty or not strings: row 1, 3"),
        (["a", None], r"1 of the 2 mails are empty or not strings: row 1"),
        (["a", "b \ud83d"], r"row 1 of mails contains the lone surrogate '\\ud83d'"),
    ],
)
def test_invalid_texts_are_an_error(texts: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_texts(texts, "mails")


@pytest.mark.parametrize(
    ("labels", "val_labels", "message"),
    [
        ([0, 1], [0], r"2 validation texts have 1 labels"),
        ([0, -1], [0, 0], r"minimum -1"),
        ([0.0, 1.0], [0, 0], r"float64"),
        ([1, 1], [1, 1], r"all 2 training texts are of class 1"),
        ([0, 2], [0, 0], r"no training text is of class 1"),
        ([0, 1], [0, 2], r"validation texts are of class 2"),
    ],
)
def test_invalid_labels_are_an_error(
    labels: list[float], val_labels: list[int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check_labelled_documents(["a", "b"], np.array(labels), ["c", "d"], np.array(val_labels))


def test_number_of_classes_is_returned() -> None:
    labels = np.array([2, 0, 1])
    assert check_labelled_documents(list("abc"), labels, ["d"], np.array([1])) == 3
