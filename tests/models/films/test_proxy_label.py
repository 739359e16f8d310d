import numpy as np
import pytest

from wholescript.errors import DataError
from wholescript.models.films.proxy_label import ProxyLabel
from wholescript.models.films.tfidf import TfidfLR

TFIDF = TfidfLR(min_df=2, Cs=(1.0,))


def test_fit_uses_the_label_column_and_not_the_labels_of_the_dataset(dataset, rows):
    dataset.films["other"] = dataset.labels == 1
    found = ProxyLabel(TFIDF, "other").fit_predict(dataset, *rows, seed=0)
    expected = TFIDF.fit_predict(dataset, *rows, seed=0)
    dataset.labels[:] = 0
    again = ProxyLabel(TFIDF, "other").fit_predict(dataset, *rows, seed=0)
    np.testing.assert_array_equal(found.test, expected.test)
    np.testing.assert_array_equal(again.test, expected.test)


def test_missing_column_is_an_error(dataset, rows):
    with pytest.raises(DataError, match="no column 'nominated'"):
        ProxyLabel(TFIDF, "nominated").fit_predict(dataset, *rows, seed=0)


def test_config_has_estimator_and_label_column():
    assert ProxyLabel(TFIDF, "a").config != ProxyLabel(TFIDF, "b").config
    assert ProxyLabel(TFIDF, "a").config["estimator"] == TFIDF.config
