import numpy as np
import pytest

from wholescript.errors import DataError
from wholescript.models.proxy_label import ProxyLabel
from wholescript.models.tfidf import TfidfLR

WORDS = TfidfLR(min_df=2, Cs=(1.0,))


def test_the_label_of_the_column_is_learned_and_no_other(task, rows):
    task.films["other"] = task.labels == 1
    learned = ProxyLabel(WORDS, "other").fit_predict(task, *rows, seed=0)
    expected = WORDS.fit_predict(task, *rows, seed=0)
    task.labels[:] = 0
    again = ProxyLabel(WORDS, "other").fit_predict(task, *rows, seed=0)
    np.testing.assert_array_equal(learned.test, expected.test)
    np.testing.assert_array_equal(again.test, expected.test)


def test_a_column_that_is_not_there_is_an_error(task, rows):
    with pytest.raises(DataError, match="no column 'nominated'"):
        ProxyLabel(WORDS, "nominated").fit_predict(task, *rows, seed=0)


def test_the_configuration_names_estimator_and_column():
    assert ProxyLabel(WORDS, "a").config != ProxyLabel(WORDS, "b").config
    assert ProxyLabel(WORDS, "a").config["of"] == WORDS.config
